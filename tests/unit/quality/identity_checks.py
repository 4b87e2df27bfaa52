"""Marts of customers and persons: clean rows, and what spoils each check."""

from __future__ import annotations

CORE = {
    "dim_account": "select 'a' || i as account_id from range(3) as t(i)",
    "dim_contact": "select * from range(3)",
}
MARTS = {
    "mart_customer": "select 'c' || i as customer_id, case when i = 2 then 'c0' end as "
    "parent_customer_id, 1 as count_accounts, date '2026-06-01' as period_date "
    "from range(3) as t(i)",
    "mart_customer_record": "select s || ':r' || i as customer_record_id, s as subject, 'c' || i "
    "as customer_id, true as is_representative, null::varchar as link_rule, null::varchar as "
    "evidence_en, null::varchar as evidence_zh, date '2026-06-01' as period_date "
    "from range(3) as t(i), (values ('account'), ('contact')) as subjects(s)",
    "mart_identity_review": "select 'r' || i as identity_review_id, 'why' as reason_en, '原因' as "
    "reason_zh, 'do' as remedy_en, '处理' as remedy_zh, date '2026-06-01' as period_date "
    "from range(2) as t(i)",
}
BAD: dict[str, dict[str, str | None]] = {
    "mart_customer": {
        "key_unique": "set customer_id = 'c0' where customer_id = 'c1'",
        # As many as there are, but with other customers.
        "accounts_add_up": "set count_accounts = case customer_id when 'c1' then 2 when 'c2' then "
        "0 else 1 end",
        "parent_is_another": "set parent_customer_id = customer_id where customer_id = 'c1'",
    },
    "mart_customer_record": {
        "key_unique": "set customer_record_id = 'account:r0' where customer_record_id = "
        "'account:r1'",
        "rows_equal_core": None,
        "links_say_why": "set is_representative = false where customer_record_id = 'contact:r1'",
        "one_representative": "set is_representative = false, link_rule = 'x', evidence_en = 'x', "
        "evidence_zh = 'x' where customer_record_id = 'account:r1'",
    },
    "mart_identity_review": {
        "key_unique": "set identity_review_id = 'r0'",
        "reason_and_remedy_present": "set remedy_zh = null",
    },
}
