"""The report: one page of HTML that holds all it shows, made from the files that the stages leave."""
