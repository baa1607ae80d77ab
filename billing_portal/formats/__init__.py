"""How the admin writes dates, by language; pages have their own words (`kit.display.dates`)."""
