"""The fields in which a question is plainly hard, as data that users replace.

Law: one indicator of a field keeps a request out of the simple tier, two make it complex. The words are
chosen to be rare outside their field; where one is not, the price is a dearer model and not a worse answer.
"""

from __future__ import annotations

from frugal.routers.complexity.indicator import Indicator, indicator

__all__ = ["ENDINGS", "EXPERT"]

ENDINGS: tuple[str, ...] = (
    *("itis", "osis", "emia", "aemia", "ectomy", "plasty", "opathy", "algia", "uria", "plegia", "sclerosis"),
    *("mycin", "cillin", "sartan", "statin", "prazole", "oxacin", "ximab", "zumab", "tinib", "olol", "azepam"),
    *("lysis", "kinase", "synthase", "ylase", "anoic", "aldehyde", "chloride", "sulfate", "nitrate", "phosphate"),
    *("morphism", "hedron", "hedral", "dynamics", "tropic", "philic", "phobic"),
)
"""How the words of these fields end, for all those that no table holds: a request with one is not simple."""

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
        "np-complete undecidable combinatorial subgroups cosets coset subspace subspaces "
        "bijections permutation permutations determinant determinants gaussian poisson "
        "markov bayes variance logarithmic asymptotic axiomatic geodesic tensor tensors "
        "differentiability integrable divergent infinitely nilpotent idempotents quotient "
        "polyhedron factorial recurrence",
        phrases=[
            "if and only if",
            "for all epsilon",
            "show that",
            "q.e.d",
            "metric space",
            "vector space",
            "linear map",
            "random variable",
            "confidence interval",
            "p-value",
            "without loss of generality",
        ],
        written="證明 证明 定理 引理 猜想 歸納法 归纳法 反證 反证 質數 素数 無理數 无理数 同構 "
        "同构 同態 同态 特徵值 特征值 收斂 收敛 連續函數 连续函数 拓撲 拓扑 流形 "
        "若且唯若 当且仅当 充要條件 充要条件 向量空間 向量空间 有限群 交換群 交换群 "
        "極限 极限 可微 可積 可积 微積分 微积分 級數 级数 行列式 變異數 方差 隨機變數 随机变量",
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
        "heterozygous epistasis gene genes genetic mutation mutations mutated protein proteins "
        "dna rna mrna chromosome chromosomes mitosis meiosis glycolysis krebs atp ribosome "
        "ribosomes photosynthesis hormone hormones neuron neurons synapse antibody antibodies "
        "antigen immunology covalent ionic valence electron electrons pka iupac molecule "
        "molecules molecular polymer polymers alkane alkanes amine amines carboxylic "
        "electrolysis electrolyte exothermic endothermic momentum inertia capacitor "
        "capacitance wavelength wavelengths diffraction interference superconductivity "
        "semiconductor nuclei nucleus radioactive half-life supernova exoplanet",
        phrases=[
            "rate constant",
            "half equivalence",
            "activation energy",
            "point group",
            "reaction product",
            "bond order",
            "boiling point",
            "melting point",
            "electric field",
            "magnetic field",
            "amino acid",
        ],
        written="化合物 反應機 反应机 對映 对映 非對映 手性 親核 亲核 親電 亲电 催化 平衡常數 "
        "平衡常数 莫耳 摩爾 摩尔 焓變 焓变 熵變 熵变 吉布斯 滴定 光譜 光谱 核磁共振 "
        "同位素 配位 氧化還原 氧化还原 立體化學 立体化学 產物 产物 量子 哈密頓 哈密顿 "
        "波函數 波函数 相對論 相对论 基因 等位 磷酸化 抑制劑 抑制剂 受體 受体 酶的 激酶 "
        "酶活 細胞 细胞 蛋白質 蛋白质 突變 突变 染色體 染色体 光合作用 動量 动量 電場 电场 磁場 "
        "磁场 分子 原子 半衰期 糖解 定律 效應 效应 方程式 公式 薛丁格 薛定谔 傅立葉 傅里叶 甲苯 "
        "乙醇 甲烷 乙烯 丙酮 苯環 苯环 硝化 酸鹼 酸碱 電解 电解 電子軌域 电子轨道 夸克 黑洞",
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
        "hearsay admissible mens actus subpoena legal legally illegal lawful unlawful lawsuit "
        "sue sued court courts attorney lawyer evict eviction inherit inheritance heir heirs "
        "intestate custody alimony divorce deport deportation visa verdict acquitted conviction "
        "prosecutor prosecution defamation libel slander perjury parole notarized unconscionable "
        "waiver severability",
        phrases=[
            "supreme court",
            "due process",
            "common law",
            "duty of care",
            "governing law",
            "force majeure",
            "consideration under",
            "first amendment",
            "holding in",
            " v. ",
        ],
        written="抗辯 抗辩 請求權 请求权 租賃 租赁 原告 被告 法院 判例 判決 判决 法條 法条 契約 "
        "合約 合同 違約 违约 侵權 侵权 損害賠償 损害赔偿 民法 刑法 訴訟 诉讼 仲裁 管轄 "
        "管辖 時效 时效 憲法 宪法 專利 专利 條款 条款 法律 上訴 上诉 過失 过失 租約 租约 繼承 "
        "继承 遺產 遗产 離婚 离婚 監護權 监护权 要件 之訴 之诉 強制執行 强制执行 正當防衛 正当防卫 "
        "特留分 犯罪 刑責 刑责 律師 律师 著作權 著作权",
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
        "patient patients clinical clinician disease diseases syndrome disorder disorders "
        "therapy therapies vaccine vaccines infection infections infected tumor tumour tumors "
        "cancer leukemia lymphoma diabetes diabetic stroke seizure seizures epilepsy "
        "epilepticus pregnancy pregnant pediatric paediatric asthma aspirin ibuprofen "
        "acetaminophen paracetamol morphine opioid opioids vancomycin lisinopril lithium "
        "statins anesthesia anaesthesia surgery surgical postoperative fracture fractures "
        "pathology steroid steroids prednisone overdose antidepressant antidepressants "
        "antihistamine medication medications tablets fibrosis photophobia",
        phrases=[
            "year old",
            "presents with",
            "presenting with",
            "blood pressure",
            "chest pain",
            "history of",
            "mg/dl",
            "side effect",
            "drug interaction",
            "first line for",
            "first-line",
        ],
        written="病患 患者 病人 歲男性 歲女性 岁男性 岁女性 診斷 诊断 鑑別 鉴别 病史 主訴 主诉 "
        "症狀 症状 治療 治疗 用藥 用药 劑量 剂量 禁忌 血壓 血压 心電圖 心电图 胸痛 "
        "呼吸困難 呼吸困难 肝硬化 腎功能 肾功能 抗生素 臨床 临床 併發 并发症 腫瘤 肿瘤 "
        "敗血 败血 預後 预后 副作用 交互作用 孕婦 孕妇 懷孕 怀孕 心肌 感染 疫苗 癌 糖尿病 處方 处方 "
        "藥物 药物 肺炎 肝炎 胃炎 腎炎 肾炎 關節炎 关节炎 中毒 症候群 综合征 骨質疏鬆 骨质疏松 "
        "危險因子 危险因素 過敏 过敏 癲癇 癫痫 布洛芬 阿斯匹靈 阿司匹林 手術 手术 中風 中风",
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
