"""The veto's table: what must be refused and what must pass, in English and in Chinese, rule by rule."""

import pytest

from frugal._mechanisms.veto import veto
from frugal._mechanisms.veto.features import features

REFUSED = [
    # numbers
    ("numbers", "what is 5 km in miles", "what is 6 km in miles"),
    ("numbers", "iPhone 15 price", "iPhone 14 price"),
    ("numbers", "gpt-4 price", "gpt-3 price"),
    ("numbers", "what is 2+2", "what is 2"),
    ("numbers", "book two tickets", "book three tickets"),
    ("numbers", "is -5 below freezing", "is 5 below freezing"),
    ("numbers", "does 2.10.0 have it", "does 2.11.0 have it"),
    ("numbers", "the second chapter", "the third chapter"),
    ("numbers", "the second chapter", "the chapter"),
    ("numbers", "三公里是多少英里", "四公里是多少英里"),
    ("numbers", "三月五日", "三月六日"),
    ("numbers", "第三名是誰", "第二名是誰"),
    ("numbers", "兩百元能買什麼", "三百元能買什麼"),
    # units
    ("units", "convert 5 km", "convert 5 miles"),
    ("units", "5 dollars", "5 euros"),
    ("units", "$5", "€5"),
    ("units", "set alarm 7am", "set alarm 7pm"),
    ("units", "一小時後提醒我", "一分鐘後提醒我"),
    ("units", "100美元", "100日圓"),
    ("units", "换算成公斤", "换算成公里"),
    # dates
    ("dates", "weather on monday", "weather on tuesday"),
    ("dates", "weather tomorrow", "weather today"),
    ("dates", "spending last month", "spending this month"),
    ("dates", "星期三的天氣", "星期四的天氣"),
    ("dates", "明天會下雨嗎", "後天會下雨嗎"),
    ("dates", "上個月花多少", "這個月花多少"),
    ("dates", "上周的报告", "下周的报告"),
    # negation
    ("negation", "can I bring a dog", "can I not bring a dog"),
    ("negation", "I want it", "I don't want it"),
    ("negation", "I want it", "I don’t want it"),
    ("negation", "recipes with sugar", "recipes without sugar"),
    ("negation", "not red and not blue", "not red and blue"),
    ("negation", "我要取消訂單", "我不要取消訂單"),
    ("negation", "我沒有付錢", "我有付錢"),
    ("negation", "我没有付钱", "我有付钱"),
    ("negation", "請刪除檔案", "請勿刪除檔案"),
    ("negation", "別告訴他", "告訴他"),
    ("negation", "未完成的工作", "完成的工作"),
    ("negation", "無糖的食譜", "加糖的食譜"),
    # opposites
    ("opposites", "turn on the light", "turn off the light"),
    ("opposites", "how to open the file", "how to close the file"),
    ("opposites", "how do i buy stock", "how do i sell stock"),
    ("opposites", "uploading a file", "downloading a file"),
    ("opposites", "what is my name", "what is your name"),
    ("opposites", "打開客廳的燈", "關閉客廳的燈"),
    ("opposites", "買股票", "賣股票"),
    ("opposites", "最高的山", "最低的山"),
    ("opposites", "增加预算", "减少预算"),
    # quotes
    ("quotes", "translate 'hello' to thai", "translate 'bye' to thai"),
    ("quotes", 'who said "to be"', 'who said "to have"'),
    ("quotes", "「你好」的英文", "「再見」的英文"),
    ("quotes", "《紅樓夢》的作者", "《西遊記》的作者"),
    # code
    ("code", "what does foo_bar do", "what does foo_baz do"),
    ("code", "explain `map()`", "explain `filter()`"),
    ("code", "what is useState for", "what is useEffect for"),
    ("code", "run it with --fast", "run it with --slow"),
    ("code", "open https://a.example/x", "open https://b.example/x"),
    ("code", "read report.pdf aloud", "read invoice.pdf aloud"),
    ("code", "mail ann@example.org", "mail bob@example.org"),
    # names
    ("names", "What is the capital of France?", "What is the capital of Spain?"),
    ("names", "what is the capital of france", "what is the capital of spain"),
    ("names", "who is taller, Tom or Jerry", "who is taller, Tom or Harry"),
    ("names", "who is Tom", "who is Tomas"),
    ("names", "say hello in french", "say hello in spanish"),
    ("names", "weather in new york", "weather in los angeles"),
    ("names", "台北的人口", "高雄的人口"),
    ("names", "這句話的英文怎麼說", "這句話的日文怎麼說"),
    ("names", "法国的首都", "德国的首都"),
    # reversal
    ("reversal", "flights from Boston to Denver", "flights from Denver to Boston"),
    ("reversal", "Translate French to English", "Translate English to French"),
    ("reversal", "is python faster than java", "is java faster than python"),
    ("reversal", "does the dog bite the man", "does the man bite the dog"),
    ("reversal", "A owes B", "B owes A"),
    ("reversal", "convert 5 from base 2 to base 10", "convert 5 from base 10 to base 2"),
    ("reversal", "who was beaten by karpov", "karpov was beaten by who"),
    ("reversal", "台北到高雄怎麼走", "高雄到台北怎麼走"),
    ("reversal", "把英文翻譯成中文", "把中文翻譯成英文"),
    ("reversal", "美元換成台幣", "台幣換成美元"),
    ("reversal", "貓追狗", "狗追貓"),
    ("reversal", "張三欠李四錢", "李四欠張三錢"),
    ("reversal", "蘋果比香蕉貴嗎", "香蕉比蘋果貴嗎"),
]

PASSED = [
    # the same amount, written otherwise
    ("what is 3 + 4", "What is three + four?"),
    ("三加四等於多少", "3加4等於多少"),
    ("三加四等於多少", "３加４等於多少"),
    ("how far is 5 km", "how far is 5 kilometers"),
    ("twenty five people", "25 people"),
    ("two hundred and five pages", "205 pages"),
    ("1,200 euros", "1200 euros"),
    ("一百二十元", "120元"),
    ("一千二百三十四公里", "1234公里"),
    ("$5", "5 dollars"),
    ("one ticket to rome", "a ticket to rome"),
    ("book 1 ticket", "book a ticket"),
    ("請解釋一下遞迴", "解釋遞迴"),
    ("十分感謝", "感謝"),
    ("price of 2.0", "price of 2"),
    # the same day, or none named
    ("what is the weather today", "what is the weather"),
    ("週三的會議", "星期三的會議"),
    ("周三的会议", "星期三的會議"),
    # questions that contain a denial but do not deny
    ("why can't we do it", "why can't we do this"),
    ("you like it, don't you?", "you like it"),
    ("你有沒有時間", "你有時間嗎"),
    ("你能不能幫我", "你能幫我嗎"),
    ("特別的禮物推薦", "推薦特別的禮物"),
    ("無論如何都要去", "還是要去"),
    ("不過這是什麼", "這是什麼"),
    # one denial, said in two ways
    ("I can't log in", "I cannot log in"),
    ("it's not available", "it is unavailable"),
    ("no that's wrong", "no, that's wrong"),
    # an order that does not matter
    ("compare python and java", "compare java and python"),
    ("difference between cats and dogs", "difference between dogs and cats"),
    ("比較貓和狗", "比較狗和貓"),
    ("how do I get from Rome to Milan", "How do I get to Milan from Rome"),
    ("What's the weather in Paris tomorrow?", "tomorrow what is the weather in paris"),
    ("please whisper", "whisper please"),
    ("從台北到高雄", "台北到高雄"),
    # names in another spelling
    ("what is machine learning (ML)?", "what is ML?"),
    ("what is Hugging Face", "what is HuggingFace"),
    ("Tell me about Einstein", "tell me about einstein"),
    ("weather in Taipei", "Weather in taipei?"),
    ("台北的人口", "臺北的人口"),
    ("use datasets.Audio for it", "use Audio for it"),
    # code in or out of quotes
    ("what does `foo_bar` do", "what does foo_bar do?"),
    ("今天台北的天氣如何？", "台北今天天氣怎麼樣"),
    ("", ""),
]


@pytest.mark.parametrize(("rule", "one", "other"), REFUSED)
def test_what_differs_is_refused_by_its_rule_both_ways(rule, one, other):
    """Two texts that ask for different things are refused, by the rule that names why, in either order."""
    assert rule == veto(one, other)
    assert rule == veto(other, one)


@pytest.mark.parametrize(("one", "other"), PASSED)
def test_what_asks_the_same_passes_both_ways(one, other):
    """Two ways to ask for the same thing are not refused."""
    assert veto(one, other) is None
    assert veto(other, one) is None


def test_a_long_text_may_say_a_denial_otherwise():
    """In prose, "without any" and "in the absence of any" deny the same; a question has no such licence."""
    one = "Users who have limited storage can use the dataset without downloading it and can preview it there as well."
    other = (
        "Those who have limited storage can use the dataset while avoiding its download, and preview it there as well."
    )
    assert veto(one, other) is None


def test_a_list_marker_is_no_number():
    """The numbering of a list says nothing about what is asked."""
    assert veto("do this:\n1. boil water\n2. add tea", "do this: boil water, add tea") is None


@pytest.mark.timeout(120)
def test_a_megabyte_is_read_in_time_that_grows_with_its_length():
    """No pattern backtracks: a hostile text of 200,000 characters takes a second; a square would take hours."""
    for hostile in ("a" * 200_000, "a-" * 100_000, "1," * 100_000, "aa." * 66_000, "不" * 200_000, "'" * 200_000):
        features(hostile)
