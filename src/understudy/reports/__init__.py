"""What a run made and cost, as text, as a page and as a data set card; and what a run will cost."""
