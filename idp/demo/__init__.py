"""Demo: two tiny applications that sign people in through the provider; imports no other room."""
