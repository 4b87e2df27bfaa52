"""All SQL of the dashboard; every question is a function of a connection and plain arguments."""
