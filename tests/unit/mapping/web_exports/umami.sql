create table session (
    session_id {uuid} primary key, website_id {uuid} not null, hostname varchar(100),
    browser varchar(20), os varchar(20), device varchar(20), country char(2),
    created_at {instant}
);
insert into session values
    ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-0000000000aa',
        'www.example.net', 'chrome', 'Windows 10', 'desktop', 'DE', '2026-03-01 08:00:00+00:00');
create table website_event (
    event_id {uuid} primary key, website_id {uuid} not null, session_id {uuid} not null,
    visit_id {uuid} not null, created_at {instant}, url_path varchar(500) not null,
    url_query varchar(500), referrer_path varchar(500), referrer_query varchar(500),
    referrer_domain varchar(500), page_title varchar(500), event_type integer not null,
    event_name varchar(50), tag varchar(50)
);
insert into website_event values
    ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-0000000000aa',
        '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-0000000000f1',
        '2026-03-01 08:00:00.250+00:00', '/pricing', 'utm_source=news', '/search', 'q=pumps',
        'google.com', 'Pricing 价格', 1, null, null),
    ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-0000000000aa',
        '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-0000000000f1',
        '2026-03-01 16:01:00+08:00', '/contact', '', '/pricing', '', '', 'Contact', 1, null, null),
    ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-0000000000aa',
        '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-0000000000f2',
        '2026-03-01 08:02:00+00:00', '/contact', null, null, null, null, null, 2, 'form_sent', null);
