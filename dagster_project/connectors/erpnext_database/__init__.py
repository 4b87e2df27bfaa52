"""ERPNext, read from its database (MariaDB or PostgreSQL); see README.md."""
