"""Tables of words that change what a question asks: units, dates, negations, opposites and names.

Law: data only, in English and in Chinese (both scripts); each maps spellings to one canonical name, so that
two spellings of the same thing never differ. The names of places and languages are those often asked about;
they are needed where a text shows no capital letters.
"""

# ruff: noqa: E501 - rows of a table read better whole.
from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AMBIGUOUS_UNITS",
    "COMMUTATIVE",
    "DATES",
    "DIRECTED",
    "HARMLESS",
    "IMPLIED",
    "NAMES",
    "NEGATORS",
    "OPPOSITES",
    "QUASI_NEGATORS",
    "STOP",
    "TIME_UNITS",
    "UNITS",
    "ZH_DIRECTED",
    "ZH_NEGATORS",
    "ZH_PARTICLES",
]


def _table(rows: Iterable[str]) -> dict[str, str]:
    """Read rows of spellings, the first one canonical."""
    table: dict[str, str] = {}
    for row in rows:
        spellings = [word.replace("_", " ") for word in row.split()]
        table.update(dict.fromkeys(spellings, spellings[0]))
    return table


UNITS = _table(
    (
        "km kms kilometer kilometers kilometre kilometres 公里 千米",
        "mi mile miles 英里 英哩",
        "cm centimeter centimeters centimetre centimetres 公分 厘米 釐米",
        "mm millimeter millimeters millimetre millimetres 毫米 公釐",
        "meter meters metre metres 公尺 米",
        "ft foot feet 英尺 英呎",
        "inch inches 英寸 英吋",
        "yd yard yards 碼",
        "kg kgs kilo kilos kilogram kilograms kilogramme 公斤 千克",
        "g gram grams gramme 公克 克",
        "mg milligram milligrams 毫克",
        "lb lbs pound pounds 磅",
        "oz ounce ounces 盎司",
        "ton tons tonne tonnes 噸 吨",
        "l liter liters litre litres 公升 升",
        "ml milliliter milliliters millilitre 毫升",
        "gallon gallons 加侖 加仑",
        "cup cups 杯",
        "celsius centigrade 攝氏 摄氏",
        "fahrenheit 華氏 华氏",
        "kelvin",
        "% percent per_cent pct 百分比",
        "usd $ dollar dollars bucks 美元 美金",
        "eur € euro euros 歐元 欧元",
        "gbp £ sterling 英鎊 英镑",
        "jpy yen 日圓 日元 日幣 日币",
        "cny rmb yuan 人民幣 人民币",
        "twd ntd nt$ 台幣 新台幣 臺幣 新臺幣 台币",
        "krw won 韓元 韩元 韓圓",
        "inr rupee rupees 盧比 卢比",
        "btc bitcoin bitcoins 比特幣 比特币",
        "kb kilobyte kilobytes",
        "mb megabyte megabytes",
        "gb gigabyte gigabytes gigs",
        "tb terabyte terabytes",
        "mph",
        "kph km/h kmh",
        "kcal calorie calories 大卡 卡路里",
        "kwh",
        "volt volts 伏特",
        "watt watts 瓦特",
        "hz hertz 赫茲 赫兹",
    )
)
"""Units of measure, which count wherever they stand."""

AMBIGUOUS_UNITS = frozenset(
    "g l mi m ft foot feet cup cups yard yards ton tons pound pounds won oz sterling bucks meter meters 米 杯 升 克 磅 吨 噸".split()
)
"""Spellings that are units only behind a number."""

TIME_UNITS = _table(
    (
        "s sec secs second seconds 秒 秒鐘 秒钟",
        "min mins minute minutes 分鐘 分钟",
        "h hr hrs hour hours 小時 小时 鐘頭 钟头",
        "d day days 天 日",
        "week weeks wk wks 週 周 星期 禮拜 礼拜",
        "month months 個月 个月 月",
        "year years yr yrs 年",
        "am a.m. a.m",
        "pm p.m. p.m",
        "k",
        "m",
        "people persons person 人 位",
    )
)
"""Units that count only behind a number: alone they are words like any other."""

DATES = _table(
    (
        "monday mon mondays 星期一 週一 周一 禮拜一 礼拜一",
        "tuesday tue tues tuesdays 星期二 週二 周二 禮拜二 礼拜二",
        "wednesday wed wednesdays 星期三 週三 周三 禮拜三 礼拜三",
        "thursday thu thurs thursdays 星期四 週四 周四 禮拜四 礼拜四",
        "friday fri fridays 星期五 週五 周五 禮拜五 礼拜五",
        "saturday saturdays 星期六 週六 周六 禮拜六 礼拜六",
        "sunday sundays 星期日 星期天 週日 周日 禮拜天 礼拜天 禮拜日",
        "january jan",
        "february feb",
        "april apr",
        "june",
        "july",
        "august aug",
        "september sept",
        "october oct",
        "november nov",
        "december dec",
        "today 今天 今日 今兒",
        "now currently 現在 现在 目前",
        "tonight 今晚",
        "tomorrow 明天 明日 明兒",
        "yesterday 昨天 昨日",
        "overmorrow 後天 后天",
        "ereyesterday 前天",
        "weekend weekends 週末 周末",
        "morning mornings 早上 上午 早晨",
        "noon 中午",
        "afternoon afternoons 下午",
        "evening evenings 傍晚",
        "night nights 晚上 夜裡 夜里",
        "midnight 午夜 半夜",
        "spring 春天 春季",
        "summer 夏天 夏季",
        "autumn 秋天 秋季",
        "winter 冬天 冬季",
        "christmas 聖誕節 圣诞节",
        "easter 復活節 复活节",
        "thanksgiving 感恩節 感恩节",
        "newyear 春節 春节 過年 过年",
        "lastyear 去年",
        "nextyear 明年",
        "thisyear 今年",
    )
)

IMPLIED = frozenset({"today", "now", "thisyear"})
"""What a question means when it names no time: saying it or not makes no difference."""

NEGATORS = frozenset(
    "not no never none nor neither nothing nobody nowhere without cannot cant dont wont isnt doesnt didnt arent "
    "wasnt werent shouldnt wouldnt couldnt hasnt havent aint unable unavailable unless".split()
)

QUASI_NEGATORS = frozenset(
    "avoid avoids avoiding prevent prevents preventing omit omits omitting omitted exclude excludes excluding excluded "
    "except impossible lack lacks lacking absence absent missing non nonexistent fail fails failed refuse refuses "
    "deny denies eliminate eliminates eliminating instead unlike hardly rarely free irrespective regardless".split()
)
"""Words that may say what a negator says elsewhere: they deny nothing by themselves, but excuse a missing one."""

OPPOSITES = [
    tuple(row.split())
    for row in (
        "buy sell", "open close", "open shut", "on off", "enable disable", "activate deactivate", "increase decrease",
        "increase reduce", "raise lower", "start stop", "begin end", "add remove", "add delete", "add subtract",
        "create delete", "up down", "before after", "more less", "more fewer", "most least", "best worst",
        "better worse", "highest lowest", "higher lower", "maximum minimum", "max min", "largest smallest",
        "biggest smallest", "longest shortest", "longer shorter", "fastest slowest", "faster slower",
        "cheap expensive", "cheaper dearer", "cheapest dearest", "cheapest priciest", "hot cold", "hottest coldest",
        "send receive", "lend borrow", "deposit withdraw", "deposit withdrawal", "import export", "encode decode",
        "encrypt decrypt", "upload download", "install uninstall", "lock unlock", "subscribe unsubscribe",
        "follow unfollow", "mute unmute", "freeze unfreeze", "block unblock", "accept reject", "accept decline",
        "approve deny", "approve reject", "allow forbid", "allow deny", "allow prevent", "pro con", "pros cons",
        "advantage disadvantage", "benefit drawback", "strength weakness", "arrive depart", "arrival departure",
        "enter exit", "login logout", "push pull", "win lose", "love hate", "like dislike", "agree disagree",
        "true false", "yes no", "left right", "north south", "east west", "first last", "early late",
        "earlier later", "earliest latest", "new old", "newest oldest", "oldest youngest", "inside outside",
        "input output", "internal external", "positive negative", "public private", "male female", "man woman",
        "husband wife", "mother father", "brother sister", "son daughter", "king queen", "legal illegal", "safe unsafe",
        "safe dangerous", "possible impossible", "healthy unhealthy", "correct incorrect", "valid invalid",
        "visible invisible", "connect disconnect", "compress decompress", "serialize deserialize", "ascending descending",
        "vertical horizontal", "row column", "rows columns", "succeed fail", "success failure", "gain loss",
        "profit loss", "credit debit", "save spend", "expand collapse", "show hide", "include exclude", "with without",
        "my your", "我的 你的", "我的 您的", "above below", "over under", "top bottom", "front back", "full empty", "sync async", "read write",
        "買 賣", "买 卖", "開 關", "开 关", "打開 關閉", "打开 关闭", "開啟 關閉", "开启 关闭", "開始 結束", "开始 结束",
        "開始 停止", "开始 停止", "增加 減少", "增加 减少", "增加 刪除", "新增 刪除", "新增 删除", "添加 删除", "加入 退出", "上傳 下載",
        "上传 下载", "最大 最小", "最高 最低", "最多 最少", "最好 最差", "最快 最慢", "最長 最短", "最长 最短", "最貴 最便宜",
        "最贵 最便宜", "優點 缺點", "优点 缺点", "好處 壞處", "好处 坏处", "進口 出口", "进口 出口", "存款 提款", "存錢 領錢",
        "支持 反對", "支持 反对", "贊成 反對", "赞成 反对", "成功 失敗", "成功 失败", "允許 禁止", "允许 禁止", "登入 登出",
        "登录 登出", "啟用 停用", "启用 停用", "啟用 禁用", "启用 禁用", "安裝 卸載", "安装 卸载", "加密 解密", "編碼 解碼",
        "编码 解码", "上升 下降", "上漲 下跌", "上涨 下跌", "提高 降低", "之前 之後", "之前 之后", "左邊 右邊", "左边 右边",
        "男 女", "父親 母親", "父亲 母亲", "哥哥 姊姊", "收入 支出", "訂閱 退訂", "订阅 退订", "訂閱 取消", "接受 拒絕", "接受 拒绝",
        "贏 輸", "赢 输", "便宜 貴", "便宜 贵", "安全 危險", "安全 危险", "合法 違法", "合法 违法", "出發 抵達", "出发 抵达",
        "出發 到達", "出发 到达", "升序 降序", "輸入 輸出", "输入 输出", "顯示 隱藏", "显示 隐藏",
    )
]  # fmt: skip

NAMES = _table(
    (
        "english 英文 英語 英语", "chinese 中文 漢語 汉语 華語 华语 mandarin 國語 国语 普通話 普通话", "japanese 日文 日語 日语",
        "korean 韓文 韩文 韓語 韩语", "french 法文 法語 法语", "german 德文 德語 德语", "spanish 西班牙文 西班牙語 西班牙语",
        "italian 義大利文 意大利语 義大利語", "portuguese 葡萄牙文 葡萄牙語 葡萄牙语", "russian 俄文 俄語 俄语", "arabic 阿拉伯文 阿拉伯语",
        "hindi 印地語 印地语", "thai 泰文 泰語 泰语", "vietnamese 越南文 越南語 越南语", "dutch 荷蘭文 荷兰语", "latin 拉丁文 拉丁语",
        "greek 希臘文 希腊语", "turkish 土耳其文", "polish 波蘭文", "swedish 瑞典文", "hebrew 希伯來文", "indonesian 印尼文",
        "usa america 美國 美国", "uk britain 英國 英国", "england 英格蘭", "china 中國 中国", "japan 日本", "korea 韓國 韩国",
        "taiwan 台灣 臺灣 台湾", "france 法國 法国", "germany 德國 德国", "spain 西班牙", "italy 義大利 意大利", "russia 俄羅斯 俄罗斯",
        "india 印度", "canada 加拿大", "mexico 墨西哥", "brazil 巴西", "australia 澳洲 澳大利亞 澳大利亚", "thailand 泰國 泰国",
        "vietnam 越南", "singapore 新加坡", "malaysia 馬來西亞 马来西亚", "indonesia 印尼 印度尼西亞", "philippines 菲律賓 菲律宾",
        "netherlands 荷蘭 荷兰", "switzerland 瑞士", "sweden 瑞典", "norway 挪威", "denmark 丹麥 丹麦", "finland 芬蘭 芬兰",
        "poland 波蘭 波兰", "greece 希臘 希腊", "portugal 葡萄牙", "ireland 愛爾蘭 爱尔兰", "egypt 埃及", "israel 以色列",
        "argentina 阿根廷", "chile 智利", "peru 秘魯", "turkey 土耳其", "ukraine 烏克蘭 乌克兰", "iran 伊朗", "africa 非洲",
        "europe 歐洲 欧洲", "asia 亞洲 亚洲", "taipei 台北 臺北", "kaohsiung 高雄", "taichung 台中 臺中", "tainan 台南 臺南",
        "hsinchu 新竹", "hualien 花蓮 花莲", "beijing 北京", "shanghai 上海", "shenzhen 深圳", "guangzhou 廣州 广州",
        "hangzhou 杭州", "nanjing 南京", "chengdu 成都", "xian 西安", "wuhan 武漢 武汉", "hong_kong hongkong 香港", "macau 澳門 澳门",
        "tokyo 東京 东京", "osaka 大阪", "kyoto 京都", "seoul 首爾 首尔", "bangkok 曼谷", "paris 巴黎", "london 倫敦 伦敦",
        "berlin 柏林", "munich 慕尼黑", "rome 羅馬 罗马", "milan 米蘭 米兰", "madrid 馬德里 马德里", "barcelona 巴塞隆納 巴塞罗那",
        "vienna 維也納 维也纳", "amsterdam 阿姆斯特丹", "brussels 布魯塞爾", "zurich 蘇黎世", "geneva 日內瓦", "moscow 莫斯科",
        "istanbul 伊斯坦堡", "dubai 杜拜 迪拜", "cairo 開羅", "delhi 德里", "mumbai 孟買 孟买", "sydney 雪梨 悉尼", "melbourne 墨爾本",
        "toronto 多倫多 多伦多", "vancouver 溫哥華 温哥华", "montreal 蒙特婁", "new_york 紐約 纽约 nyc", "boston 波士頓 波士顿",
        "chicago 芝加哥", "seattle 西雅圖 西雅图", "los_angeles 洛杉磯 洛杉矶", "san_francisco 舊金山 旧金山", "san_diego 聖地牙哥",
        "las_vegas 拉斯維加斯", "houston 休士頓", "dallas 達拉斯", "miami 邁阿密 迈阿密", "atlanta", "denver", "phoenix",
        "philadelphia 費城", "detroit", "orlando", "portland", "austin", "washington 華盛頓 华盛顿", "texas 德州", "florida 佛州",
        "california 加州", "hawaii 夏威夷", "alaska", "ohio", "georgia", "python", "javascript", "typescript", "java", "rust",
        "golang", "kotlin", "swift", "ruby", "php", "perl", "scala", "haskell", "sql", "mysql", "postgres postgresql", "sqlite",
        "mongodb", "redis", "linux", "windows", "macos", "android", "ios", "iphone", "ubuntu", "docker", "kubernetes", "react",
        "django", "flask", "google", "apple", "amazon", "microsoft", "facebook", "twitter", "netflix", "tesla", "uber", "visa",
        "mastercard", "paypal",
    )
)  # fmt: skip

DIRECTED = frozenset(
    "to from into than before after over under above below beats by for against "
    "owes causes replaces follows precedes".split()
)
"""Words whose two sides may not be exchanged."""

COMMUTATIVE = frozenset("and or vs versus plus times with & , 和 與 与 跟 及 或 還是 还是 、 加 乘".split())
"""Words whose two sides may be."""

STOP = frozenset(
    "a an the is are was were be been am do does did done can could would should will shall may might must i you "
    "he she it we they me him her us them my your his its our their this that these those there here what which "
    "who whom whose when where why how of in on at to from into than by for with about as and or but if then so "
    "please tell give show want need like know let have has had get got just some any one s t re ve ll d m".split()
)

ZH_NEGATORS = frozenset("不沒没無无未別别勿莫")
"""Characters that deny, once the words in ``HARMLESS`` are taken out."""

HARMLESS = frozenset(
    (
        "不錯 不错 不過 不过 不只 不但 不僅 不仅 差不多 對不起 对不起 不好意思 不斷 不断 不同 不論 不论 不管 不少 不久 不如 "
        "分別 分别 特別 特别 別人 别人 個別 个别 級別 级别 類別 类别 區別 区别 性別 性别 告別 告别 辨別 辨别 識別 识别 別墅 "
        "别墅 別名 别名 無論 无论 無線 无线 無人機 无人机 未來 未来 莫斯科 莫名 莫非 無限 无限 沒關係 没关系 没關係 有沒有 有没有 "
        "要不要 是不是 能不能 會不會 会不会 可不可以 好不好 對不對 对不对 行不行 "
        "關於 关于 有關 有关 關係 关系 相關 相关 機關 机关 開始 开始 公開 公开 開發 开发 開會 开会 運輸 运输 傳輸 传输 "
        "男人 女人 女兒 女儿 買賣 买卖 貴公司 貴姓 珍貴 宝贵 寶貴 下午茶 到底 直到 得到 收到 找到 看到 遇到 達到 达到 感到 "
        "提到 受到 想到 比如 比較 比较 比例 比賽 比赛 對比 对比 相比 百分比 轉向 方向 往往 以往 至少 至於 至于 甚至 供給 "
        "日期 日本 日文 日語 日语 年齡 年龄 年紀"
    ).split()
)
"""Chinese words in which a telling character tells nothing; they are read first and skipped."""

ZH_DIRECTED = (
    "換成 换成 轉成 转成 轉換 转换 翻成 譯成 译成 變成 变成 改成 轉到 转到 輸給 输给 借給 借给 打敗 打败 替代 取代 導致 "
    "导致 早於 早于 晚於 晚于 大於 大于 小於 小于 除以 飛往 到 至 比 給 给 往 向 欠 贏 赢 減 减 追 咬 打"
).split()
"""Chinese words whose two sides may not be exchanged."""

ZH_PARTICLES = "嗎吗呢吧啊呀喔哦的了請请？?。！!，, "
