"""The fields in which a question is plainly hard, as data that users replace.

Law: one indicator of a field keeps a request out of the simple tier, two make it complex. The words are
chosen to be rare outside their field; where one is not, the price is a dearer model and not a worse answer.
"""

from __future__ import annotations

from frugal.routers.complexity.indicator import Indicator, indicator

__all__ = ["EXPERT"]

EXPERT: tuple[Indicator, ...] = (
    indicator(
        "proof",
        "expert",
        "prove proving proof proofs disprove theorem theorems lemma corollary conjecture "
        "axiom axioms induction contradiction irrational primes modulo congruent "
        "bijection bijective injective surjective homomorphism isomorphism isomorphic "
        "homeomorphic topology topological manifold eigenvalue eigenvalues eigenvector "
        "converges convergent convergence supremum infimum cauchy banach hilbert "
        "lipschitz measurable holomorphic galois abelian subgroup cohomology riemann "
        "countable uncountable differentiable bayesian martingale stochastic np-hard "
        "np-complete undecidable combinatorial",
        phrases=["if and only if", "for all epsilon", "show that", "q.e.d"],
        written="證明 证明 定理 引理 猜想 歸納法 归纳法 反證 反证 質數 素数 無理數 无理数 同構 "
        "同构 同態 同态 特徵值 特征值 收斂 收敛 連續函數 连续函数 拓撲 拓扑 流形 "
        "若且唯若 当且仅当 充要條件 充要条件 向量空間 向量空间 有限群 交換群 交换群",
        most=2,
    ),
    indicator(
        "science",
        "expert",
        "enantiomer enantiomers acid ph naoh hcl iodide bromide cation anion solvent "
        "titrated methyl ethyl phenyl cyclohexane cyclohexanone benzene diastereomer "
        "diastereomers stereochemistry stereocenter stereoselective chiral chirality "
        "racemic nucleophile nucleophilic electrophile electrophilic reagent reagents "
        "stoichiometry stoichiometric titration enthalpy entropy gibbs equilibrium "
        "molarity moles molar catalyst catalysis catalyzed orbital orbitals "
        "hybridization nmr spectroscopy spectrum spectra chromatography isotope ligand "
        "ligands oxidation reduction redox cyclization cycloaddition aldol grignard "
        "diels-alder hydrolysis polymerization ketone aldehyde ester alkene alkyne "
        "isomer isomers compound reaction mechanism kinetics thermodynamics quantum "
        "hamiltonian wavefunction schrodinger relativistic lagrangian photon photons "
        "fermion boson redshift luminosity eigenstate perturbation genome allele alleles "
        "phenotype genotype transcription plasmid crispr polymerase mitochondrial "
        "phosphorylation kinase spin-orbit receptor assay enzyme enzymatic inhibitor "
        "heterozygous epistasis",
        phrases=["rate constant", "half equivalence", "activation energy", "point group", "reaction product"],
        written="化合物 反應機 反应机 對映 对映 非對映 手性 親核 亲核 親電 亲电 催化 平衡常數 "
        "平衡常数 莫耳 摩爾 摩尔 焓變 焓变 熵變 熵变 吉布斯 滴定 光譜 光谱 核磁共振 "
        "同位素 配位 氧化還原 氧化还原 立體化學 立体化学 產物 产物 量子 哈密頓 哈密顿 "
        "波函數 波函数 相對論 相对论 基因 等位 磷酸化 抑制劑 抑制剂 受體 受体 酶的 激酶 "
        "酶活",
        most=2,
    ),
    indicator(
        "law",
        "expert",
        "plaintiff plaintiffs defendant defendants appellant appellee statute statutes "
        "statutory jurisdiction jurisdictional tort torts negligence negligent liability "
        "liable indemnity indemnify indemnification breach fiduciary estoppel promissory "
        "tenant landlord lease lessors evidentiary precedent appellate injunction "
        "injunctive felony misdemeanor habeas constitutional unconstitutional easement "
        "covenant covenants damages litigation arbitration enforceable unenforceable "
        "lessee lessor patent infringement antitrust copyright gdpr hipaa shareholder "
        "shareholders bankruptcy trustee contract contractual clause testator probate "
        "hearsay admissible mens actus subpoena",
        phrases=[
            "supreme court",
            "due process",
            "common law",
            "duty of care",
            "governing law",
            "force majeure",
            "consideration under",
            "first amendment",
        ],
        written="抗辯 抗辩 請求權 请求权 租賃 租赁 原告 被告 法院 判例 判決 判决 法條 法条 契約 "
        "合約 合同 違約 违约 侵權 侵权 損害賠償 损害赔偿 民法 刑法 訴訟 诉讼 仲裁 管轄 "
        "管辖 時效 时效 憲法 宪法 專利 专利 條款 条款 法律責任 法律责任 上訴 上诉 過失 "
        "过失",
        most=2,
    ),
    indicator(
        "medicine",
        "expert",
        "diagnosis diagnoses differential prognosis etiology aetiology pathophysiology "
        "comorbidities contraindicated contraindication contraindications dosage dose "
        "dosing mmhg tachycardia bradycardia hypertension hypertensive hypotension "
        "hypotensive hyponatremia hyperkalemia hypokalemia creatinine troponin "
        "hemoglobin leukocytosis sepsis septic ischemia ischemic infarction stenosis "
        "embolism thrombosis anticoagulant anticoagulation warfarin heparin metformin "
        "insulin antibiotic antibiotics chemotherapy carcinoma metastatic malignancy "
        "biopsy lesion edema dyspnea syncope febrile afebrile auscultation murmur ecg "
        "ekg ct mri intubated renal hepatic pulmonary cardiac neurological symptoms "
        "patient patients clinical clinician",
        phrases=[
            "year old",
            "presents with",
            "presenting with",
            "blood pressure",
            "chest pain",
            "history of",
            "mg/dl",
        ],
        written="病患 患者 病人 歲男性 歲女性 岁男性 岁女性 診斷 诊断 鑑別 鉴别 病史 主訴 主诉 "
        "症狀 症状 治療 治疗 用藥 用药 劑量 剂量 禁忌 血壓 血压 心電圖 心电图 胸痛 "
        "呼吸困難 呼吸困难 肝硬化 腎功能 肾功能 抗生素 臨床 临床 併發 并发症 腫瘤 肿瘤 "
        "敗血 败血 預後 预后",
        most=2,
    ),
    indicator(
        "finance and engineering",
        "expert",
        "derivatives hedging arbitrage volatility amortization amortisation depreciation "
        "valuation dcf ebitda swaption covariance eigenmode torque turbulence "
        "navier-stokes reynolds aerodynamic transistor impedance nyquist laplace fourier",
        phrases=["finite element", "black-scholes", "net present value"],
        written="選擇權 衍生性 現值 现值 傅立葉 傅里叶 拉普拉斯 有限元素 有限元 折現 折现",
        most=2,
    ),
)
"""Proofs, science, law, medicine, finance and engineering."""
