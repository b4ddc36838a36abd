"""What the command line offers: a module per command, and what commands share."""
