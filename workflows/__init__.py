"""What may happen: processes, forms, rules, and the actions people take. Does not know the web."""
