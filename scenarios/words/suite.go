package words

// What the command and the report say of suites.
const (
	HelpAtATime      ID = "help.run.jobs"
	HelpShard        ID = "help.run.shard"
	HelpInconclusive ID = "help.run.inconclusive"
	HelpRetries      ID = "help.run.retries"
	HelpKeep         ID = "help.run.keep"
	HelpRequire      ID = "help.run.require"
	HelpJUnit        ID = "help.run.junit"

	BadAtATime  ID = "suite.bad_jobs"
	BadShard    ID = "suite.bad_shard"
	BadWord     ID = "suite.bad_word" // flag, value, allowed
	BadRetries  ID = "suite.bad_retries"
	RequireHead ID = "suite.require"      // names
	RequireOne  ID = "suite.require_one"  // name, reason
	RequireRoot ID = "suite.require_root" //
	FixRoot     ID = "suite.fix_root"     //
	NotExamined ID = "suite.not_examined" //

	SuiteProgress    ID = "suite.progress"      // done, of, pass, fail, inconclusive, error
	SuiteRunning     ID = "suite.running"       // names
	SuiteAll         ID = "suite.all"           // Ratio
	SuiteSome        ID = "suite.some"          // pass, of
	SuiteFail        ID = "suite.fail"          // count
	SuiteBroken      ID = "suite.broken"        // count
	SuiteOpen        ID = "suite.open"          // count
	SuiteNotRun      ID = "suite.not_run"       // count
	SuiteRetried     ID = "suite.retried"       // count
	SuiteEmpty       ID = "suite.empty"         // shard
	SuiteShard       ID = "suite.shard"         // shard
	SuiteSlowest     ID = "suite.slowest"       //
	SuiteDirectories ID = "suite.directories"   //
	SuiteAtATime     ID = "suite.at_a_time"     // count
	SuiteInterrupted ID = "suite.interrupted"   //
	SuiteAttempt     ID = "suite.attempt"       // run, attempt, outcome, why
	SuiteAgain       ID = "suite.again"         // count
	SuiteNothing     ID = "suite.no_verdict"    //
	SuiteNoEvidence  ID = "suite.nothing_shown" //
)

var suiteTexts = texts{
	HelpAtATime:      {"run `N` scenarios side by side, those marked exclusive alone after the others; 0 for one on each processor", "同时运行 `N` 个场景；标为 exclusive 的在其余之后单独运行；0 表示每个处理器一个"},
	HelpShard:        {"run only part `I/N` of the scenarios, as 2/3", "只运行全部场景的第 `I/N` 份，例如 2/3"},
	HelpInconclusive: {"what inconclusive does: fail (exit code 3, an error in JUnit) or warn (exit code 0, skipped in JUnit)", "无法判定时：fail（退出码 3，在 JUnit 中为 error）或 warn（退出码 0，在 JUnit 中为 skipped）"},
	HelpRetries:      {"take a run that is inconclusive or an error again, up to `N` times; never one that fails", "无法判定或出错的运行最多重试 `N` 次；不成立的从不重试"},
	HelpKeep:         {"which run directories to keep: failed (all that do not pass), all or none", "保留哪些运行目录：failed（未通过的）、all 或 none"},
	HelpRequire:      {"`WHAT` must be there before anything runs: root, lab, bpf, wire, sockdiag, ss, nftables..., program:curl, package:vsftpd, or needs for all that the scenarios need", "运行之前必须具备 `WHAT`：root、lab、bpf、wire、sockdiag、ss、nftables……、program:curl、package:vsftpd，或 needs，即各场景所需的一切"},
	HelpJUnit:        {"write a JUnit report to `FILE`", "把 JUnit 报告写入 `FILE`"},

	BadAtATime:  {"--jobs %[1]d: it must be from 0 to 1000", "--jobs %[1]d：必须在 0 到 1000 之间"},
	BadShard:    {"--shard %[1]q: allowed: I/N with I from 1 to N, as 2/3", "--shard %[1]q：只能是 I/N，I 从 1 到 N，例如 2/3"},
	BadWord:     {"%[1]s %[2]q: allowed: %[3]s", "%[1]s %[2]q：只能是 %[3]s"},
	BadRetries:  {"--retries %[1]d: it must be from 0 to 100", "--retries %[1]d：必须在 0 到 100 之间"},
	RequireHead: {"--require: missing here: %[1]s; nothing was run (exit 3)", "--require：本机缺少：%[1]s；什么也没有运行（退出码 3）"},
	RequireOne:  {"%[1]s: %[2]s", "%[1]s：%[2]s"},
	RequireRoot: {"this is an ordinary user", "当前是普通用户"},
	FixRoot:     {"sudo netlab ...", "使用 sudo netlab ..."},
	NotExamined: {"it could not be tried, as the lab itself cannot be made", "实验室本身无法建立，因此未能检查"},

	SuiteProgress:    {"%[1]d of %[2]d  pass %[3]d  fail %[4]d  inconclusive %[5]d  error %[6]d", "%[1]d/%[2]d  通过 %[3]d  失败 %[4]d  无定论 %[5]d  出错 %[6]d"},
	SuiteRunning:     {"  running: %[1]s", "  正在运行：%[1]s"},
	SuiteAll:         {"%[1]s scenarios.", "%[1]s 个场景全部通过。"},
	SuiteSome:        {"%[1]d of %[2]d scenarios pass", "%[2]d 个场景中 %[1]d 个通过"},
	SuiteFail:        {", %[1]d fail", "，%[1]d 个不成立"},
	SuiteBroken:      {", %[1]d error", "，%[1]d 个出错"},
	SuiteOpen:        {", %[1]d inconclusive", "，%[1]d 个无法判定"},
	SuiteNotRun:      {", %[1]d not run to the end", "，%[1]d 个没有运行完"},
	SuiteRetried:     {"; runs taken again: %[1]d", "；重试了 %[1]d 次"},
	SuiteEmpty:       {"no scenario is in shard %[1]s.", "第 %[1]s 份中没有场景。"},
	SuiteShard:       {"shard %[1]s", "第 %[1]s 份"},
	SuiteSlowest:     {"slowest", "最慢的"},
	SuiteDirectories: {"run directories", "运行目录"},
	SuiteAtATime:     {"%[1]d at a time", "同时 %[1]d 个"},
	SuiteInterrupted: {"interrupted", "被中断"},
	SuiteAttempt:     {"run %[1]d, attempt %[2]d was %[3]s: %[4]s", "第 %[1]d 次运行的第 %[2]d 次尝试为 %[3]s：%[4]s"},
	SuiteAgain:       {", taken again: %[1]d", "，重试 %[1]d 次"},
	SuiteNothing:     {"no verdict", "没有判定"},
	SuiteNoEvidence:  {"nothing in the suite was conclusive: a warning is not enough (exit 3)", "整个套件没有任何定论：不能只作警告（退出码 3）"},
}
