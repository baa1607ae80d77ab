"""How facts read to people: amounts, dates, states, meters. Pure; templates reach them by tags and filters."""
