-- Tables of ERPNext 15 as its document types declare them (the columns that matter here).
create table `tabUser` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6), email varchar(140),
    full_name varchar(140), user_type varchar(140), enabled int(1) not null default 0,
    api_key varchar(140), reset_password_key varchar(140)
);
create table `tabCustomer` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    docstatus int(1) not null default 0, customer_name varchar(140), industry varchar(140),
    territory varchar(140), tax_id varchar(140), website varchar(140),
    disabled int(1) not null default 0
);
create table `tabContact` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    first_name varchar(140), last_name varchar(140), status varchar(140), email_id varchar(140),
    phone varchar(140), mobile_no varchar(140), designation varchar(140)
);
create table `tabDynamic Link` (
    name varchar(140) primary key, parent varchar(140), parenttype varchar(140), idx int,
    link_doctype varchar(140), link_name varchar(140)
);
create table `tabLead` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    lead_name varchar(140), source varchar(140), industry varchar(140), status varchar(140),
    lead_owner varchar(140), customer varchar(140)
);
create table `tabOpportunity` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6), title varchar(140),
    customer_name varchar(140), opportunity_from varchar(140), party_name varchar(140),
    status varchar(140), sales_stage varchar(140), currency varchar(140),
    opportunity_amount decimal(21, 9) not null default 0, transaction_date date,
    expected_closing date, opportunity_owner varchar(140)
);
create table `tabQuotation` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    docstatus int(1) not null default 0, opportunity varchar(140), transaction_date date,
    valid_till date, total decimal(21, 9), net_total decimal(21, 9), currency varchar(140)
);
create table `tabItem` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    item_name varchar(140), item_group varchar(140), standard_rate decimal(21, 9),
    valuation_rate decimal(21, 9), disabled int(1) not null default 0
);
create table `tabSales Order` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    docstatus int(1) not null default 0, customer varchar(140), status varchar(140),
    currency varchar(140), transaction_date date, delivery_date date, net_total decimal(21, 9)
);
create table `tabSales Order Item` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    docstatus int(1) not null default 0, parent varchar(140), item_code varchar(140),
    item_name varchar(140), qty decimal(21, 9), rate decimal(21, 9), net_amount decimal(21, 9)
);
create table `tabSales Invoice` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    docstatus int(1) not null default 0, customer varchar(140), currency varchar(140),
    posting_date date, due_date date, grand_total decimal(21, 9)
);
create table `tabPayment Entry` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    docstatus int(1) not null default 0, party varchar(140), posting_date date,
    paid_from_account_currency varchar(140)
);
create table `tabPayment Entry Reference` (
    name varchar(140) primary key, creation datetime(6), modified datetime(6),
    docstatus int(1) not null default 0, parent varchar(140), reference_doctype varchar(140),
    reference_name varchar(140), allocated_amount decimal(21, 9)
);

insert into `tabUser` values
('anna@we.example', '2026-01-01', '2026-01-01', 'anna@we.example', 'Anna', 'System User', 1,
    'key of Anna', 'reset of Anna'),
('c@c.example', '2026-01-01', '2026-01-01', 'c@c.example', 'C', 'Website User', 1, null, null);
insert into `tabCustomer` values
('客户', '2026-01-02 10:00', '2026-01-02 10:00', 0, '客户 Ltd', 'Software', 'China', 'cn1',
 'https://www.c.example/', 0);
insert into `tabContact` values
('P-客户', '2026-01-02', '2026-01-02', 'P', '王', 'Passive', 'p@c.example', '1', null, 'Buyer');
insert into `tabDynamic Link` values ('l1', 'P-客户', 'Contact', 1, 'Customer', '客户');
insert into `tabLead` values
('LEAD-1', '2026-02-01', '2026-02-01', 'L', 'Website', 'Software', 'Converted', 'anna@we.example',
 '客户'),
('LEAD-2', '2026-02-02', '2026-02-02', 'M', 'Cold Calling', null, 'Open', 'anna@we.example', null);
insert into `tabOpportunity` values
('O-1', '2026-02-03', '2026-02-10', 'one', '客户 Ltd', 'Customer', '客户', 'Converted',
 'Negotiation/Review', 'CNY', 1000.5, '2026-02-03', '2026-03-01', 'anna@we.example'),
('O-2', '2026-02-04', '2026-02-04', 'two', 'L', 'Lead', 'LEAD-1', 'Open', 'Needs Analysis', 'CNY',
 500, '2026-02-04', null, 'anna@we.example'),
('O-3', '2026-02-05', '2026-02-06', 'three', '客户 Ltd', 'Customer', '客户', 'Lost', '', 'CNY', 70,
 '2026-02-05', null, 'anna@we.example');
insert into `tabQuotation` values
('Q-1', '2026-02-06', '2026-02-06', 1, 'O-1', '2026-02-06', '2026-03-06', 120, 100.25, 'CNY'),
('Q-2', '2026-02-06', '2026-02-06', 0, 'O-2', '2026-02-06', null, 5, 5, 'CNY');
insert into `tabItem` values ('P-1', '2026-01-01', '2026-01-01', 'Pump', 'Pumps', 12.5, 4.5, 0);
insert into `tabSales Order` values
('SO-1', '2026-02-10', '2026-02-10', 1, '客户', 'To Deliver and Bill', 'CNY', '2026-02-10',
 '2026-03-01', 100.25),
('SO-2', '2026-02-11', '2026-02-11', 0, '客户', 'Draft', 'CNY', '2026-02-11', null, 9),
('SO-3', '2026-02-12', '2026-02-12', 2, '客户', 'Cancelled', 'CNY', '2026-02-12', null, 7);
insert into `tabSales Order Item` values
('i1', '2026-02-10', '2026-02-10', 1, 'SO-1', 'P-1', 'Pump', 2, 50, 100),
('i2', '2026-02-10', '2026-02-10', 1, 'SO-1', 'P-1', 'Pump', 1, 0.25, 0.25),
('i3', '2026-02-11', '2026-02-11', 0, 'SO-2', 'P-1', 'Pump', 1, 9, 9),
('i4', '2026-02-12', '2026-02-12', 2, 'SO-3', 'P-1', 'Pump', 1, 7, 7);
insert into `tabSales Invoice` values
('SI-1', '2026-02-13', '2026-02-13', 1, '客户', 'CNY', '2026-02-13', '2026-03-13', 113.28),
('SI-2', '2026-02-13', '2026-02-13', 0, '客户', 'CNY', '2026-02-13', null, 9);
insert into `tabPayment Entry` values ('PE-1', '2026-02-15', '2026-02-15', 1, '客户', '2026-02-15', 'CNY');
insert into `tabPayment Entry Reference` values
('r1', '2026-02-15', '2026-02-15', 1, 'PE-1', 'Sales Invoice', 'SI-1', 100);
