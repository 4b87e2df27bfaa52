-- One row per account, with the customer (the one firm behind the rows of several systems).
{{ identity_bridge('account') }}
