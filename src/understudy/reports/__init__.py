"""What a run made and cost, as text, as a page, as a data set card; and what one will cost."""
