"""HubSpot CRM through HubSpot's own client; see reader.py."""
