"""ERPNext and other Frappe sites over their REST interface; see README.md beside this file."""
