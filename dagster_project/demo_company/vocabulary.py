"""Names, titles and sentences in Chinese and English. Every firm and person is invented."""

from __future__ import annotations

INDUSTRIES = ("medical_devices", "manufacturing", "retail", "saas")
CRM_INDUSTRY = {
    "medical_devices": "MED",
    "manufacturing": "MFG",
    "retail": "RTL",
    "saas": "SAAS",
}

TEAMS = (
    ("East China", "华东销售部", "华东"),
    ("South China", "华南销售部", "华南"),
    ("North China", "华北销售部", "华北"),
    ("West China", "西部销售部", "西部"),
    ("Europe", "欧洲销售部", "Europe"),
    ("North America", "北美销售部", "North America"),
)
CITIES: dict[str, tuple[tuple[str, str], ...]] = {
    "华东": (("上海", "上海市"), ("江苏", "苏州"), ("浙江", "杭州"), ("山东", "青岛")),
    "华南": (("广东", "深圳"), ("广东", "广州"), ("福建", "厦门")),
    "华北": (("北京", "北京市"), ("天津", "天津市"), ("河北", "石家庄")),
    "西部": (("四川", "成都"), ("重庆", "重庆市"), ("陕西", "西安")),
    "Europe": (("Bavaria", "Munich"), ("Noord-Holland", "Amsterdam"), ("Rhône", "Lyon")),
    "North America": (("California", "San Jose"), ("Texas", "Austin"), ("Ohio", "Columbus")),
}
ABROAD = {"Europe": ("Germany", "EUR"), "North America": ("United States", "USD")}

FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
# fmt: off
GIVEN = (
    "伟", "芳", "娜", "敏", "静", "磊", "洋", "艳", "勇", "杰", "娟", "涛", "明", "超", "秀英",
    "霞", "平", "刚", "桂英", "晓东", "建华", "志强", "海燕", "文博", "雨桐", "子轩", "思远",
    "佳怡", "浩然", "欣悦", "俊杰", "梓涵", "立新", "国栋", "丽华", "春梅",
)
# fmt: on
# fmt: off
FIRST_NAMES = (
    "Anna", "Ben", "Carla", "David", "Elena", "Felix", "Grace", "Henry", "Irene", "Jonas",
    "Karin", "Liam", "Maria", "Noah", "Olivia", "Paul", "Rosa", "Simon", "Tara", "Victor",
    "Wendy", "Yann", "Zoe", "Marcus", "Nadia", "Oscar",
)
# fmt: on
# fmt: off
LAST_NAMES = (
    "Adler", "Brooks", "Castro", "Dietrich", "Ellis", "Fischer", "Garcia", "Hughes", "Ivanov",
    "Jensen", "Keller", "Lambert", "Moreau", "Novak", "Olsen", "Peters", "Quinn", "Richter",
    "Schmidt", "Turner", "Urban", "Vogel", "Weber", "Young", "Zimmer",
)
# fmt: on

# fmt: off
FIRM_ROOTS_ZH = (
    "恒瑞达", "康泽", "博远", "明德", "华创", "瑞康", "天衡", "中科智", "联瑞", "新元", "盛世",
    "启明", "众合", "百川", "宏图", "东方星", "佳禾", "安泰", "金石", "云帆", "远景", "同创",
    "泰和", "永新", "海纳", "卓越", "凌云", "德润", "正阳", "嘉诚", "万象", "德信", "高盛达",
    "优品", "乐购", "惠民",
)
# fmt: on
FIRM_MARKS_ZH = "信达丰利安和创新美科杰源隆昌兴旺捷诚嘉裕"
# fmt: off
FIRM_ROOTS_EN = (
    "Alder", "Birch", "Cobalt", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Iris",
    "Juniper", "Keystone", "Lumen", "Meridian", "Northwind", "Orchid", "Pioneer", "Quarry",
    "Ridge", "Summit", "Tidal", "Umbra", "Vertex", "Willow", "Zenith",
)
# fmt: on
FIRM_KIND_ZH = {
    "medical_devices": ("医疗器械", "医疗科技", "医院管理"),
    "manufacturing": ("精密制造", "机械", "自动化设备"),
    "retail": ("连锁超市", "商贸", "零售"),
    "saas": ("软件", "云计算", "信息技术"),
}
FIRM_KIND_EN = {
    "medical_devices": ("Medical", "Diagnostics", "Surgical"),
    "manufacturing": ("Precision", "Machinery", "Industrial"),
    "retail": ("Stores", "Retail", "Markets"),
    "saas": ("Software", "Cloud", "Analytics"),
}
LEVELS = ("executive", "director", "manager", "practitioner")
CRM_LEVEL = {"executive": "E", "director": "D", "manager": "M", "practitioner": "P"}
TITLES_ZH = {
    "executive": ("总经理", "首席财务官", "副总裁"),
    "director": ("采购总监", "信息中心主任", "运营总监"),
    "manager": ("采购经理", "设备科科长", "项目经理"),
    "practitioner": ("工程师", "采购专员", "护士长"),
}
TITLES_EN = {
    "executive": ("Chief Executive Officer", "Chief Financial Officer", "Vice President"),
    "director": ("Director of Procurement", "Director of IT", "Operations Director"),
    "manager": ("Procurement Manager", "Project Manager", "Plant Manager"),
    "practitioner": ("Engineer", "Buyer", "Head Nurse"),
}

# product line: (name, consumable that expires, list price in CNY, share of it that is cost)
PRODUCTS: dict[str, tuple[tuple[str, bool, float, float], ...]] = {
    "Patient monitoring": (
        ("Vital Monitor M3 监护仪", False, 86_000, 0.46),
        ("Vital Monitor M7 监护仪", False, 148_000, 0.44),
        ("Central Station 中央站", False, 320_000, 0.41),
        ("Reagent Kit R1 试剂盒", True, 3_200, 0.35),
        ("Sensor Patch 传感贴片", True, 860, 0.38),
    ),
    "Factory automation": (
        ("Vision Cell V2 视觉工位", False, 260_000, 0.55),
        ("Robot Arm A6 机械臂", False, 198_000, 0.58),
        ("Line Controller LC 产线控制器", False, 74_000, 0.5),
        ("Industrial Adhesive 工业胶", True, 1_450, 0.42),
    ),
    "Retail terminals": (
        ("Checkout T5 收银终端", False, 12_800, 0.57),
        ("Shelf Label E2 电子价签", False, 96, 0.61),
        ("Store Gateway 门店网关", False, 6_900, 0.52),
        ("Thermal Ribbon 热敏耗材", True, 420, 0.44),
    ),
    "Cloud platform": (
        ("Insight Basic 订阅基础版", False, 58_000, 0.2),
        ("Insight Pro 订阅专业版", False, 168_000, 0.18),
        ("Integration Pack 集成包", False, 92_000, 0.25),
    ),
}
LINE_OF_INDUSTRY = {
    "medical_devices": "Patient monitoring",
    "manufacturing": "Factory automation",
    "retail": "Retail terminals",
    "saas": "Cloud platform",
}
SKILLS = (
    "needs analysis",
    "technical demo",
    "price negotiation",
    "tendering",
    "payment terms",
    "data security",
    "service contract",
)

# topic -> ways to say it, each (Chinese, English); customers say the first group, reps the second.
# Some words look like a signal and are none: an intervention algorithm (干预算法) is no budget
# (预算), a refunding no funding, a security deposit no security, and what a rep says no customer's.
CUSTOMER_TEXTS: dict[str, tuple[tuple[str, str], ...]] = {
    "budget": (
        (
            "今年预算大概在{amount}万左右，需要先走立项。",
            "Our budget for this year is about {amount}0k, we have to get the project approved "
            "first.",
        ),
        (
            "这个项目的经费下个月到位，{amount}万以内可以直接批。",
            "Funding arrives next month; up to {amount}0k we can sign ourselves.",
        ),
        (
            "设备更新的拨款已经下来了，约{amount}万。",
            "The capex request of {amount}0k has been approved.",
        ),
    ),
    "finance_check": (
        (
            "付款条件我需要和财务确认一下，能不能分三期？",
            "I need to check with finance about the payment terms, could we pay in three "
            "instalments?",
        ),
        (
            "账期要跟财务确认，下周回复您。",
            "I have to confirm with finance and will come back to you next week.",
        ),
        (
            "合同已提交财务审批，请稍等。",
            "Our finance has to approve the contract, please wait.",
        ),
    ),
    "price_objection": (
        (
            "价格比竞品高了不少，能再优惠一些吗？",
            "The price is well above the competitor's offer, is there any discount?",
        ),
        (
            "押金能不能免掉？",
            "Could you waive the security deposit?",
        ),
    ),
    "security": (
        (
            "数据安全和等保合规怎么保证？请提供资料。",
            "How do you handle data security and compliance? Please send the documents.",
        ),
        (
            "我们的信息安全部门要先评审。",
            "Our GDPR officer has to review this first.",
        ),
    ),
    "timing": (
        (
            "这个项目可能要推迟到下个季度再看。",
            "We may have to postpone this project to next quarter.",
        ),
    ),
    "technical": (
        (
            "设备和我们现有系统的接口怎么对接？",
            "How does the device connect to our existing systems?",
        ),
        (
            "设备的干预算法可以调整吗？",
            "Can the intervention algorithm of the device be adjusted?",
        ),
        (
            "能对接我们的财务系统吗？安全库存也要同步。",
            "Can it talk to our finance system and keep the safety stock in step?",
        ),
    ),
    "positive": (
        (
            "演示效果很好，领导很满意，请尽快出方案。",
            "The demo was great and our management likes it, please send the proposal soon.",
        ),
    ),
    "complaint": (
        (
            "上次的售后响应太慢了，希望改进。",
            "The last service response was far too slow, please improve that.",
        ),
        (
            "退款拖了两个月，保安还不让我们的人进仓库。",
            "The refunding took two months, far too long.",
        ),
    ),
}
REP_TEXTS: dict[str, tuple[tuple[str, str], ...]] = {
    "commitment": (
        (
            "好的，我周五之前把方案和报价发给您。",
            "Sure, I will send you the proposal and the quote by Friday.",
        ),
    ),
    "follow_up": (
        (
            "您好，请问上次的资料看过了吗？有什么问题随时联系我。",
            "Hello, did you have a chance to read the material? Let me know any question.",
        ),
        (
            "您好，请问今年的预算批下来了吗？",
            "Hello, has your budget for this year been approved?",
        ),
    ),
    "invitation": (
        (
            "下周二有一场行业线上研讨会，诚邀您参加。",
            "We run an industry webinar next Tuesday and would be glad to see you there.",
        ),
    ),
    "payment_answer": (
        (
            "付款可以按三四三分期，首付款30%，验收后付40%。",
            "We can offer payment in three parts: 30 % up front, 40 % after acceptance.",
        ),
        (
            "您和财务确认后告诉我即可。",
            "Please check with finance and let me know.",
        ),
    ),
    "value": (
        (
            "同行业客户上线后人工成本下降了18%，案例发您参考。",
            "A customer in your industry cut labour cost by 18 % after go-live, see the case "
            "study.",
        ),
        (
            "我们已通过等保三级，数据安全资料随时可发。",
            "Our papers on security and compliance are ready for you.",
        ),
    ),
}
COMMUNITY_QUESTIONS = (
    ("接口文档里的心跳间隔可以改吗？", "Can the heartbeat interval of the interface be changed?"),
    ("试剂盒开封后能保存多久？", "How long can the reagent kit be kept once it is open?"),
    ("电子价签离线后怎么批量恢复？", "How do I recover many shelf labels after they went offline?"),
    ("是否支持国产数据库？", "Do you support domestic databases?"),
    ("导出报表能加自定义字段吗？", "Can I add custom fields to the exported report?"),
)
CONTENT = (
    ("医疗设备联网安全白皮书", "white_paper", "security", "medical_devices"),
    ("Case study: 18 % less labour on line 4", "case_study", "efficiency", "manufacturing"),
    ("视觉工位快速上手视频", "video", "integration", "manufacturing"),
    ("Shelf labels: total cost of ownership", "white_paper", "cost", "retail"),
    ("门店网关安装教程", "tutorial", "integration", "retail"),
    ("Monitor M7 datasheet 数据表", "datasheet", "technical", "medical_devices"),
    ("Payment terms and leasing webinar", "webinar", "payment", "manufacturing"),
    ("订阅专业版安全合规说明", "white_paper", "security", "saas"),
    ("Integration Pack: connect your ERP", "tutorial", "integration", "saas"),
    ("三甲医院中央站案例", "case_study", "efficiency", "medical_devices"),
    ("零售行业趋势 2026", "white_paper", "trend", "retail"),
    ("Insight Pro datasheet", "datasheet", "technical", "saas"),
)
# fmt: off
PRACTICE_WORDS = (
    "first", "ask", "who", "signs", "then", "show", "the", "cost", "per",
    "shift", "before", "naming", "any", "price", "and", "offer", "three", "instalments",
    "tied", "to", "acceptance", "with", "one", "reference", "visit",
)
# fmt: on
SCENARIOS = (
    ("First needs talk 首次需求沟通", "Customer hides the budget 客户不透露预算"),
    ("Competitor demo 竞品对比", "Competitor is cheaper 竞品更便宜"),
    ("Payment terms 付款条件", "Finance delays the signature 财务迟迟不批"),
    ("Security review 安全评审", "Compliance asked repeatedly 反复询问合规"),
    ("Tender 招投标", "Specification favours another 参数偏向他人"),
)
