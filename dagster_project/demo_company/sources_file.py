"""The sources file of the demo company: what an installation would write for its own systems."""

from __future__ import annotations

from .sizes import AS_OF

_HEADER = """\
# The sources of the demo company; see the README for what each key means.
as_of = {as_of}
"""

_CRM = """
[[source]]
system = "demo_crm"
kind = "sql"
label = { en = "CRM", zh = "客户关系系统" }
url = "sqlite:///{home}/demo/crm.sqlite"
currency = "CNY"
time_zone = "Asia/Shanghai"
schedule = "daily"
"""
_ERP = """
[[source]]
system = "demo_erp"
kind = "sql"
label = { en = "ERP", zh = "企业资源计划" }
url = "sqlite:///{home}/demo/erp.sqlite"
currency = "CNY"
schedule = "daily"
"""
_CHAT = """
[[source]]
system = "demo_chat"
kind = "files"
label = { en = "Work chat", zh = "企业聊天" }
location = "{home}/demo/chat"
time_zone = "Asia/Shanghai"
schedule = "hourly"
"""
_MAIL = """
[[source]]
system = "demo_mail"
kind = "files"
label = { en = "Mail gateway", zh = "邮件网关" }
location = "{home}/demo/mail"
time_zone = "Asia/Shanghai"
schedule = "hourly"
"""
_COMMUNITY = """
[[source]]
system = "demo_community"
kind = "files"
label = { en = "Community and content", zh = "社区与内容" }
location = "{home}/demo/community"
schedule = "daily"
"""
_PROJECTS = """
[[source]]
system = "demo_projects"
kind = "files"
label = { en = "Project office and knowledge base", zh = "项目与知识库" }
location = "{home}/demo/projects"
time_zone = "Asia/Shanghai"
schedule = "daily"
"""
_POLICY = """
[[source]]
system = "demo_policy"
kind = "files"
label = { en = "Policy feed", zh = "政策信息" }
location = "{home}/demo/policy"
schedule = "weekly"
"""
_PLATFORM = """
[[source]]
system = "demo_platform"
kind = "sql"
label = { en = "Intent platform", zh = "意图平台" }
url = "sqlite:///{home}/demo/platform.sqlite"
schedule = "daily"
"""
_WEB = """
[[source]]
system = "demo_web"
kind = "access_log"
mapping_set = "access_log"
label = { en = "Website", zh = "官网" }
location = "{home}/demo/web"
glob = "access.log*"
format = "combined"
encoding = "utf-8"
time_zone = "Asia/Shanghai"
schedule = "hourly"
"""


def _incremental(name: str, table: str, key: str, cursor: str = "updated_at") -> str:
    return f"""
  [[source.table]]
  name = "{name}"
  table = "{table}"
  load = "incremental"
  cursor = "{cursor}"
  overlap_seconds = 120
  primary_key = ["{key}"]
"""


def _snapshot(name: str, table: str, key: str) -> str:
    return f"""
  [[source.table]]
  name = "{name}"
  table = "{table}"
  load = "snapshot"
  primary_key = ["{key}"]
"""


def _files(name: str, glob: str, key: str, load: str = "snapshot", extra: str = "") -> str:
    lines = f"""
  [[source.table]]
  name = "{name}"
  glob = "{glob}"
  load = "{load}"
  primary_key = ["{key}"]
"""
    return lines + (f"  {extra}\n" if extra else "")


def sources_text() -> str:
    """The whole TOML text; places stay ``{home}``, so the folder can be moved."""
    parts = [
        _HEADER.replace("{as_of}", AS_OF.isoformat()),
        _CRM,
        _snapshot("teams", "crm_team", "team_no"),
        _snapshot("users", "crm_user", "user_no"),
        _incremental("accounts", "crm_account", "acc_no"),
        _incremental("persons", "crm_person", "person_no"),
        _incremental("person_history", "crm_person_history", "hist_no"),
        _incremental("leads", "crm_lead", "lead_no"),
        _incremental("deals", "crm_deal", "deal_no"),
        _incremental("deal_stage_log", "crm_deal_stage_log", "log_no", "in_at"),
        _snapshot("quotes", "crm_quote", "quote_no"),
        _incremental("approvals", "crm_approval", "appr_no"),
        _incremental("tasks", "crm_task", "task_no"),
        _snapshot("optouts", "crm_optout", "opt_no"),
        _ERP,
        _incremental("customers", "t_bd_customer", "fcustno", "fmodifydate"),
        _snapshot("materials", "t_bd_material", "fitemno"),
        _incremental("sales_orders", "t_sal_order", "fbillno", "fmodifydate"),
        _incremental("sales_order_entries", "t_sal_orderentry", "fentryid", "fmodifydate"),
        _incremental("invoices", "t_ar_invoice", "finvno", "fmodifydate"),
        _incremental("receipts", "t_ar_receipt", "frecno", "fmodifydate"),
        _snapshot("batches", "t_stk_batch", "fbatchno"),
        _incremental("production_orders", "t_prd_mo", "fmono", "fmodifydate"),
        _incremental("deliveries", "t_sal_delivery", "fdelno", "fmodifydate"),
        _CHAT,
        _files("messages", "messages-*.jsonl", "msgid", "append"),
        _files("contacts", "contacts.jsonl", "ext_userid"),
        _MAIL,
        _files("journal", "journal-*.jsonl", "message_id", "append"),
        _COMMUNITY,
        _files("content", "content.jsonl", "content_id"),
        _files("shares", "shares.jsonl", "share_id"),
        _files("posts", "posts.jsonl", "post_id"),
        _files("attendance", "attendance.jsonl", "attendance_id"),
        _files("portal_logins", "portal_logins.jsonl", "login"),
        _files("campaign_links", "campaign_links.jsonl", "click_id"),
        _files("networks", "networks.jsonl", "network_id"),
        _PROJECTS,
        _files("projects", "projects.csv", "project_id"),
        _files("members", "members.csv", "id", extra='delimiter = ";"'),
        _files("milestones", "milestones.csv", "id"),
        _files("gates", "gates.xlsx", "Review No", extra='sheet = "reviews"'),
        _files("knowledge", "knowledge.csv", "编号", extra='encoding = "gb18030"'),
        _files("knowledge_uses", "knowledge_uses.csv", "use_id"),
        _files("points", "points.csv", "entry"),
        _files("skills", "skills.xlsx", "Skill No"),
        _POLICY,
        _files("policies", "policy-*.jsonl", "doc_no", "append"),
        _PLATFORM,
        _incremental("suggestions", "ai_suggestion", "sugg_id", "created_utc"),
        _incremental("verdicts", "ai_verdict", "verdict_id", "decided_utc"),
        _incremental("field_notes", "field_note", "note_id", "noted_utc"),
        _incremental("events", "biz_event", "row_id", "at_utc"),
        _incremental("rule_changes", "rule_change", "change_id", "done_utc"),
        _incremental("board_usage", "board_usage", "usage_id", "opened_utc"),
        _WEB,
    ]
    return "".join(parts)


# What no rule row maps, on purpose: what the canonical model has no place for, what analysts have
# not come to yet, and the systems' own bookkeeping.
UNMAPPED_COLUMNS: dict[str, tuple[str, ...]] = {
    "demo_crm.teams": ("updated_at",),
    "demo_crm.users": ("updated_at",),
    "demo_crm.accounts": ("credit_memo", "province", "updated_at"),
    "demo_crm.persons": ("portal_login",),
    "demo_crm.person_history": ("updated_at",),
    "demo_crm.leads": ("company_txt", "updated_at"),
    "demo_crm.deals": ("updated_at",),
    "demo_crm.quotes": ("updated_at",),
    "demo_crm.approvals": ("updated_at",),
    "demo_crm.tasks": ("updated_at",),
    "demo_erp.customers": ("fmodifydate", "fsettlecur"),
    "demo_erp.materials": ("fmodifydate", "fshelflife"),
    "demo_erp.sales_orders": ("fbilltype", "fmaker", "fmodifydate"),
    "demo_erp.sales_order_entries": ("fmodifydate", "fseq"),
    "demo_erp.invoices": ("fmodifydate",),
    "demo_erp.receipts": ("fmodifydate",),
    "demo_erp.batches": ("fmodifydate",),
    "demo_erp.production_orders": ("fmodifydate",),
    "demo_erp.deliveries": ("fcarrier", "fmodifydate"),
    "demo_chat.contacts": ("corp_name", "unionid"),
    "demo_mail.journal": ("from", "to"),
    "demo_community.attendance": ("guest_name",),
    "demo_platform.suggestions": ("price_cut_pct",),
}
