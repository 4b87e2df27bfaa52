create table matomo_log_action (
    idaction integer primary key, name varchar(4096), hash bigint not null, type integer,
    url_prefix integer
);
insert into matomo_log_action values
    (1, 'example.org/', 1, 1, 2), (2, 'Home', 2, 4, null),
    (3, 'example.org/pricing?utm_source=news', 3, 1, 3), (4, 'Pricing 价格', 4, 4, null),
    (5, 'example.org/files/catalogue.pdf', 5, 3, 2), (6, 'pump seals', 6, 8, null),
    (7, 'video', 7, 10, null), (8, 'play', 8, 11, null),
    (9, 'partner.example.net/offer', 9, 2, 2);
create table matomo_log_visit (
    idvisit bigint primary key, idsite integer not null, idvisitor {bytes8} not null,
    visit_first_action_time {timestamp}, visit_last_action_time {timestamp} not null,
    config_id {bytes8} not null, location_ip {bytes16} not null, user_id varchar(200),
    referer_type integer, referer_url varchar(1500)
);
insert into matomo_log_visit values
    (71, 1, {hex:a1b2c3d4e5f60718}, '2026-03-01 08:00:00', '2026-03-01 08:04:00',
        {hex:0102030405060708}, {hex:cb007100}, 'ada', 2, 'https://www.google.com/search?q=pumps'),
    (72, 1, {hex:00000000000000ff}, '2026-03-01 23:59:59', '2026-03-01 23:59:59',
        {hex:0102030405060708}, {hex:20010db8000000000000000000000000}, null, 1, '');
create table matomo_log_link_visit_action (
    idlink_va bigint primary key, idsite integer not null, idvisitor {bytes8} not null,
    idvisit bigint not null, idaction_url_ref integer, idaction_name_ref integer,
    server_time {timestamp} not null, idpageview char(6), idaction_name integer,
    idaction_url integer, time_spent_ref_action integer, idaction_event_action integer,
    idaction_event_category integer, pageview_position integer
);
insert into matomo_log_link_visit_action values
    (501, 1, {hex:a1b2c3d4e5f60718}, 71, 0, 0, '2026-03-01 08:00:00', 'aB3dE6', 2, 1, 0,
        null, null, 1),
    (502, 1, {hex:a1b2c3d4e5f60718}, 71, 1, 2, '2026-03-01 08:01:30', 'cD3dE6', 4, 3, 90,
        null, null, 2),
    (503, 1, {hex:a1b2c3d4e5f60718}, 71, 3, 4, '2026-03-01 08:02:00', 'cD3dE6', null, 5, 30,
        null, null, null),
    (504, 1, {hex:a1b2c3d4e5f60718}, 71, 3, 4, '2026-03-01 08:03:00', null, 6, null, 60,
        null, null, null),
    (505, 1, {hex:a1b2c3d4e5f60718}, 71, 3, 4, '2026-03-01 08:04:00', 'cD3dE6', null, 3, 60,
        8, 7, null),
    (506, 1, {hex:00000000000000ff}, 72, 0, 0, '2026-03-01 23:59:59', 'eF3dE6', null, 9, 0,
        null, null, null);
