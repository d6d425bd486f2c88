package words

// What explains scenarios: netlab list and netlab show.
const (
	ExplainTaught     ID = "explain.taught"     // id, sentence
	ExplainClaim      ID = "explain.claim"      // claim
	ExplainSteps      ID = "explain.steps"      //
	ExplainNamed      ID = "explain.named"      // name
	ExplainVariants   ID = "explain.variants"   // scenario
	ExplainMutations  ID = "explain.mutations"  // scenario
	ExplainFails      ID = "explain.fails"      // expectations
	ExplainGuess      ID = "explain.guess"      // scenario
	ExplainReferences ID = "explain.references" // list

	ListTopic     ID = "list.topic"         // name, title, how many scenarios
	ListSentences ID = "list.sentences"     // how many
	NoCollection  ID = "list.no_collection" // name, topics
	HelpListLong  ID = "help.list.long"
	HelpNames     ID = "help.list.names"
	HelpShowLong  ID = "help.show.long"
	HelpAnswer    ID = "help.show.answer"
	HelpSource    ID = "help.show.source"
	HelpGlossary  ID = "help.glossary"
)

// explainTexts is what this part of the house says.
var explainTexts = texts{
	ExplainTaught:     {"taught (%[1]s): %[2]s", "课上说（%[1]s）：%[2]s"},
	ExplainClaim:      {"put to the test: %[1]s", "待检验：%[1]s"},
	ExplainSteps:      {"what is done:", "步骤："},
	ExplainNamed:      {"(%[1]s)", "（%[1]s）"},
	ExplainVariants:   {"variants (netlab run %[1]s --variant NAME):", "变体（netlab run %[1]s --variant NAME）："},
	ExplainMutations:  {"mutations, in which expectations must fail (netlab run %[1]s --mutations):", "变异，其中的预期必须失败（netlab run %[1]s --mutations）："},
	ExplainFails:      {"fails: %[1]s", "失败：%[1]s"},
	ExplainGuess:      {"What will come of it? Guess first, then: netlab run %[1]s. What was found, and why: netlab show %[1]s --answer", "结果会怎样？请先猜一猜，再运行 netlab run %[1]s。结论与理由：netlab show %[1]s --answer"},
	ExplainReferences: {"references: %[1]s", "参考：%[1]s"},

	ListTopic:    {"%[1]s  %[2]s: %[3]d scenarios; netlab run %[1]s runs them all", "%[1]s  %[2]s：共 %[3]d 个场景；netlab run %[1]s 运行全部"},
	NoCollection: {"%[1]q is no topic and no set%[2]s\n  allowed: %[3]s", "%[1]q 既不是主题，也不是一组场景%[2]s\n  允许：%[3]s"},
	HelpListLong: {`List the scenarios of the gallery by topic, and the sets of scenarios; with
arguments only these topics and sets.`, `按主题列出内置场景，以及成组的场景；给出参数时只列出这些主题和组。`},
	HelpNames: {"print the names alone, one on each line", "只输出名称，每行一个"},
	HelpShowLong: {`Explain a scenario of the gallery: the sentence that is taught, the lab, and what
is done there. What comes of it is told only with --answer.`, `讲解一个内置场景：课上的说法、实验环境、所作的步骤。只有加上 --answer 才给出结果。`},
	HelpAnswer:   {"tell what was found, and why", "给出结论与理由"},
	HelpGlossary: {"The terms of the course, in English and Chinese", "课程术语，英汉对照"},
	HelpSource:   {"print the scenario's file instead, to be changed and run", "改为输出场景文件，可以修改后运行"},
}
