"""Reading what a model wrote: answers, JSON, votes, overlap."""
