"""SAP S/4HANA over its OData services; see README.md beside this file."""
