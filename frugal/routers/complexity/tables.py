"""The indicators, as data that users replace: the rules of the source, their English equivalents, and more.

Law: `SOURCE` is exactly the source's list of patterns, in its Chinese; `INDICATORS` holds each of those
concepts once, with simplified characters and English beside them, so a text that says one thing in two
languages counts it once.
"""

from __future__ import annotations

from frugal.routers.complexity.experts import EXPERT
from frugal.routers.complexity.indicator import Indicator, indicator

__all__ = ["CONTINUATIONS", "FURTHER", "GREETINGS", "INDICATORS", "SOURCE", "SOURCE_CONCEPTS"]

SOURCE: tuple[Indicator, ...] = (
    indicator(
        "translate",
        "simple",
        written="翻譯",
    ),
    indicator(
        "summarise",
        "simple",
        written="摘要",
    ),
    indicator(
        "format",
        "simple",
        written="格式化",
    ),
    indicator(
        "simple question",
        "simple",
        written="簡單問答",
    ),
    indicator(
        "list",
        "simple",
        written="列出",
    ),
    indicator(
        "explain what is",
        "simple",
        written="解釋…是什麼",
    ),
    indicator(
        "analyse",
        "complex",
        written="分析",
    ),
    indicator(
        "compare",
        "complex",
        written="比較",
    ),
    indicator(
        "design",
        "complex",
        written="設計",
    ),
    indicator(
        "plan",
        "complex",
        written="規劃",
    ),
    indicator(
        "optimise",
        "complex",
        written="優化",
    ),
    indicator(
        "evaluate",
        "complex",
        written="評估",
    ),
    indicator(
        "multi-step",
        "complex",
        written="多步驟",
    ),
    indicator(
        "code review",
        "complex",
        written="程式碼審查",
    ),
    indicator(
        "architecture",
        "complex",
        written="架構",
    ),
)
"""The source's patterns, and nothing else."""

SOURCE_CONCEPTS: tuple[Indicator, ...] = (
    indicator(
        "translate",
        "simple",
        "translate translating translation",
        written="翻譯 翻译 翻成",
    ),
    indicator(
        "summarise",
        "simple",
        "summarise summarize summarising summarizing summary tldr",
        phrases=["tl;dr"],
        written="摘要",
    ),
    indicator(
        "format",
        "simple",
        "format formatting reformat pretty-print",
        written="格式化",
    ),
    indicator(
        "simple question",
        "simple",
        phrases=["quick question", "simple question"],
        written="簡單問答 简单问答",
    ),
    indicator(
        "list",
        "simple",
        "list enumerate",
        written="列出",
    ),
    indicator(
        "explain what is",
        "simple",
        phrases=["explain what…is", "explain what…are"],
        written="解釋…是什麼 解释…是什么",
    ),
    indicator(
        "analyse",
        "complex",
        "analyse analyze analysing analyzing analysis",
        written="分析",
    ),
    indicator(
        "compare",
        "complex",
        "compare comparing comparison contrast",
        written="比較 比较",
    ),
    indicator(
        "design",
        "complex",
        "design designing redesign",
        written="設計 设计",
    ),
    indicator(
        "plan",
        "complex",
        "plan planning roadmap",
        written="規劃 规划",
    ),
    indicator(
        "optimise",
        "complex",
        "optimise optimize optimising optimizing optimisation optimization",
        written="優化 优化",
    ),
    indicator(
        "evaluate",
        "complex",
        "evaluate evaluating evaluation assess assessing assessment",
        written="評估 评估",
    ),
    indicator(
        "multi-step",
        "complex",
        "multistep multi-step",
        phrases=["multiple steps"],
        written="多步驟 多步骤",
    ),
    indicator(
        "code review",
        "complex",
        phrases=["code review", "review this code", "review the code", "review my code"],
        written="程式碼審查 代码审查",
    ),
    indicator(
        "architecture",
        "complex",
        "architecture architect architectural",
        written="架構 架构",
    ),
)
"""The source's concepts in traditional and simplified Chinese and in English."""

FURTHER: tuple[Indicator, ...] = (
    indicator(
        "rewrite",
        "simple",
        "rewrite rephrase paraphrase proofread spellcheck capitalise capitalize uppercase lowercase typo typos "
        "synonym synonyms antonym alphabetically",
        phrases=["fix the grammar", "correct the spelling"],
        written="改寫 改写 校對 校对 潤飾 润色 改錯字 改错字 同義詞 近义词",
    ),
    indicator(
        "small talk",
        "simple",
        "joke jokes haiku limerick riddle",
        phrases=["birthday card", "thank-you note"],
        written="笑話 笑话 謎語 谜语 賀卡 贺卡",
    ),
    indicator(
        "extract",
        "simple",
        "extract transcribe",
        phrases=["convert this", "convert the"],
        written="擷取 提取 轉換成 转换成",
    ),
    indicator(
        "summarise in other words",
        "simple",
        phrases=["in one sentence"],
        written="總結 总结 概括",
    ),
    indicator(
        "code",
        "complex",
        "refactor debug debugging implement algorithm algorithms concurrency deadlock "
        "mutex async asyncio traceback segfault kubernetes compiler runtime regex "
        "recursion microservice microservices backend multithreaded idempotent sharding "
        "middleware typescript postgres",
        phrases=[
            "```",
            "#include",
            "race condition",
            "stack trace",
            "memory leak",
            "time complexity",
            "unit test",
            "select … from ",
            "def …(",
        ],
        written="重構 重构 除錯 调试 演算法 算法 實作 死鎖 死锁 多執行緒 多线程 記憶體洩漏 "
        "内存泄漏 時間複雜度 时间复杂度 微服務 微服务",
    ),
    indicator(
        "mathematics",
        "complex",
        "equation equations integral derivative derivatives probability polynomial "
        "matrix matrices calculus geometry algebra trigonometry logarithm percent "
        "percentage average ratio solve calculate compute",
        phrases=["\\frac", "\\int", "\\sum", "$$", "how many", "how much"],
        written="方程 積分 积分 微分 導數 导数 機率 概率 矩陣 矩阵 多項式 多项式 求解 計算 计算 平均 百分比 多少",
    ),
    indicator(
        "reasoning",
        "complex",
        "why step-by-step derive deduce infer justify hypothesis implications tradeoff "
        "tradeoffs trade-off trade-offs critique argue reconcile counterargument "
        "counterexample feasibility strategy diagnose prioritise prioritize",
        phrases=[
            "step by step",
            "root cause",
            "pros and cons",
            "explain how",
            "what would happen",
            "to what extent",
            "under what conditions",
        ],
        written="為什麼 为什么 為何 为何 推導 推导 推理 推論 推论 逐步 一步一步 權衡 权衡 利弊 "
        "優缺點 优缺点 根本原因 論證 论证 策略 可行性 反例",
    ),
)
"""Signals that the source does not have."""

INDICATORS: tuple[Indicator, ...] = SOURCE_CONCEPTS + FURTHER + EXPERT
"""The default."""

GREETINGS: frozenset[str] = frozenset(
    "hi|hello|hey|thanks|thank you|thank you very much|good morning|good evening|bye|goodbye|test|ping|"
    "你好|您好|謝謝|谢谢|早安|晚安|再見|再见|哈囉|嗨".split("|")
)
"""Whole texts that are no task at all."""

CONTINUATIONS: frozenset[str] = frozenset(
    "ok|okay|ok continue|okay continue|continue|go on|go ahead|please continue|continue please|carry on|"
    "keep going|proceed|next|more|yes|y|yes please|sure|no|do it|yes do it|and|again|retry|try again|same|"
    "好|好的|繼續|继续|請繼續|请继续|好的繼續|好的继续|接著|接着|然後呢|然后呢|下一步|是|是的|對|对|可以|再來|再来|"
    "再試一次|再试一次".split("|")
)
"""Whole texts that carry on with what was asked before, and are as hard as that."""
