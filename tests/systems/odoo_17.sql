-- Tables of Odoo 17 as its models declare them (the columns that matter here), with a few records.
create table res_company (id serial primary key, name varchar, partner_id int, currency_id int);
create table res_currency (id serial primary key, name varchar, rounding numeric);
create table res_country (id serial primary key, code varchar, name jsonb);
create table res_partner_industry (id serial primary key, name jsonb);
create table res_partner (
    id serial primary key, name varchar, is_company boolean, parent_id int, active boolean,
    email varchar, phone varchar, mobile varchar, website varchar, vat varchar, street varchar,
    city varchar, country_id int, industry_id int, function varchar, user_id int,
    commercial_partner_id int, customer_rank int, supplier_rank int,
    create_date timestamp, write_date timestamp
);
create table res_users (
    id serial primary key, login varchar, active boolean, share boolean, partner_id int
);
create table crm_team (id serial primary key, name jsonb, user_id int);
create table product_category (id serial primary key, name varchar);
create table product_template (
    id serial primary key, name jsonb, default_code varchar, categ_id int, list_price numeric
);
create table product_product (
    id serial primary key, product_tmpl_id int, active boolean, default_code varchar,
    create_date timestamp, write_date timestamp
);
create table crm_stage (
    id serial primary key, name jsonb, sequence int, is_won boolean, write_date timestamp
);
create table utm_medium (id serial primary key, name varchar, active boolean);
create table crm_lead (
    id serial primary key, name varchar, type varchar, active boolean, partner_id int,
    contact_name varchar, email_from varchar, phone varchar, user_id int, team_id int,
    stage_id int, company_id int, probability double precision, expected_revenue numeric,
    date_open timestamp, date_closed timestamp, date_deadline date,
    create_date timestamp, write_date timestamp, medium_id int
);
create table ir_model_fields (id serial primary key, name varchar, model varchar);
create table mail_message (id serial primary key, model varchar, res_id int, date timestamp);
create table mail_tracking_value (
    id serial primary key, field_id int, mail_message_id int, old_value_integer int,
    new_value_integer int, create_date timestamp
);
create table sale_order (
    id serial primary key, name varchar, state varchar, partner_id int, partner_shipping_id int,
    user_id int, currency_id int, opportunity_id int, date_order timestamp, validity_date date,
    commitment_date timestamp, amount_untaxed numeric, amount_total numeric,
    create_date timestamp, write_date timestamp
);
create table sale_order_line (
    id serial primary key, order_id int, display_type varchar, product_id int, name text,
    product_uom_qty numeric, price_unit numeric, price_subtotal numeric,
    create_date timestamp, write_date timestamp
);
create table account_move (
    id serial primary key, name varchar, move_type varchar, state varchar, date date,
    partner_id int, invoice_date date, invoice_date_due date, invoice_origin varchar,
    currency_id int, amount_total numeric, payment_state varchar,
    create_date timestamp, write_date timestamp
);
create table account_payment (
    id serial primary key, move_id int, partner_id int, payment_type varchar, amount numeric,
    currency_id int, create_date timestamp, write_date timestamp
);

insert into res_currency values (1, 'CNY', 0.01);
insert into res_country values (1, 'CN', '{"en_US": "China", "zh_CN": "中国"}');
insert into res_partner_industry values (1, '{"en_US": "Manufacturing"}');
insert into res_partner values
(1, 'We', true, null, true, null, null, null, null, null, null, null, 1, null, null, null, 1, 0, 0,
 '2026-01-01', '2026-01-01'),
(2, 'Anna Rep', false, null, true, 'anna@we.example', null, null, null, null, null, null, 1, null,
 null, null, 2, 0, 0, '2026-01-01', '2026-01-01'),
(3, '客户 Ltd', true, null, true, 'info@c.example', '123', null, 'https://www.c.example/', 'cn1',
 'Street 1', 'Shanghai', 1, 1, null, 2, 3, 1, 0, '2026-01-02', '2026-01-02'),
(4, 'Person', false, 3, true, 'p@c.example', null, null, null, null, null, null, 1, null, 'Buyer',
 null, 3, 0, 0, '2026-01-02', '2026-01-02'),
(5, 'Archived Ltd', true, null, false, null, null, null, null, null, null, null, 1, null, null, 2,
 5, 1, 0, '2026-01-02', '2026-01-02');
insert into res_company values (1, 'We', 1, 1);
insert into res_users values (2, 'anna', true, false, 2);
insert into crm_team values (1, '{"en_US": "Sales"}', 2);
insert into product_category values (1, 'Pumps');
insert into product_template values (1, '{"en_US": "Pump"}', 'P-1', 1, 12.5);
insert into product_product values (1, 1, true, null, '2026-01-01', '2026-01-01');
insert into crm_stage values
(1, '{"en_US": "New", "zh_CN": "新"}', 1, false, '2026-01-01'),
(2, '{"en_US": "Qualified"}', 2, false, '2026-01-01'),
(3, '{"en_US": "Proposition"}', 3, false, '2026-01-01'),
(4, '{"en_US": "Gewonnen"}', 70, true, '2026-01-01');
insert into utm_medium values (1, 'Website', true), (2, 'Email', true);
insert into crm_lead values
(1, 'a lead', 'lead', true, null, 'P', 'p@x', null, null, 1, 1, 1, 10, 0, null, null, null,
 '2026-02-01 08:00', '2026-02-01 08:00', 1),
(2, 'won', 'opportunity', true, 3, null, null, null, 2, 1, 4, 1, 100, 1000.5,
 '2026-02-02 08:00', '2026-02-10 08:00', '2026-03-01', '2026-02-01 08:00', '2026-02-10 08:00', null),
(3, 'lost', 'opportunity', false, 3, null, null, null, 2, 1, 2, 1, 0, 500,
 '2026-02-02 08:00', '2026-02-11 08:00', null, '2026-02-01 09:00', '2026-02-11 08:00', null),
(4, 'open', 'opportunity', true, 5, null, null, null, 2, 1, 3, null, 40, 250,
 '2026-02-02 08:00', null, '2026-04-01', '2026-02-03 09:00', '2026-02-12 08:00', null);
insert into ir_model_fields values (7, 'stage_id', 'crm.lead'), (8, 'user_id', 'crm.lead');
insert into mail_message values
(1, 'crm.lead', 2, '2026-02-05 08:00'), (2, 'crm.lead', 2, '2026-02-10 08:00'),
(3, 'crm.lead', 4, '2026-02-12 08:00');
insert into mail_tracking_value values
(1, 7, 1, 1, 2, '2026-02-05 08:00'), (2, 7, 2, 2, 4, '2026-02-10 08:00'),
(3, 8, 2, 1, 2, '2026-02-10 08:00'), (4, 7, 3, 1, 3, '2026-02-12 08:00');
insert into sale_order values
(1, 'S1', 'sale', 3, 3, 2, 1, 2, '2026-02-10 08:00', '2026-03-10', '2026-03-01', 100.25, 113.28,
 '2026-02-09 08:00', '2026-02-10 08:00'),
(2, 'S2', 'sent', 3, 3, 2, 1, null, '2026-02-11 08:00', null, null, 40, 45.2,
 '2026-02-11 08:00', '2026-02-11 08:00'),
(3, 'S3', 'cancel', 5, 5, 2, 1, null, '2026-02-12 08:00', null, null, 7, 7.91,
 '2026-02-12 08:00', '2026-02-12 08:00');
insert into sale_order_line values
(1, 1, null, 1, 'Pump', 2, 50, 100, '2026-02-09 08:00', null),
(2, 1, null, 1, 'Pump', 1, 0.25, 0.25, '2026-02-09 08:00', null),
(3, 1, 'line_note', null, 'A note 😀', 0, 0, 0, '2026-02-09 08:00', null),
(4, 2, null, 1, 'Pump', 4, 10, 40, '2026-02-11 08:00', null),
(5, 3, null, 1, 'Pump', 1, 7, 7, '2026-02-12 08:00', null);
insert into account_move values
(1, 'INV/1', 'out_invoice', 'posted', '2026-02-13', 3, '2026-02-13', '2026-03-13', 'S1', 1, 113.28,
 'paid', '2026-02-13 08:00', '2026-02-13 08:00'),
(2, 'RINV/1', 'out_refund', 'posted', '2026-02-14', 3, '2026-02-14', '2026-02-14', 'S1', 1, 13.28,
 'paid', '2026-02-14 08:00', '2026-02-14 08:00'),
(3, '/', 'out_invoice', 'draft', '2026-02-14', 3, null, null, null, 1, 99, 'not_paid',
 '2026-02-14 08:00', '2026-02-14 08:00'),
(4, 'PAY/1', 'entry', 'posted', '2026-02-15', 3, null, null, null, 1, 100, null,
 '2026-02-15 08:00', '2026-02-15 08:00');
insert into account_payment values
(1, 4, 3, 'inbound', 100, 1, '2026-02-15 08:00', '2026-02-15 08:00');
