package words

// What the reports say about results of steps, about programs, and about a
// machine with too much to do.
const (
	ReportMoreSteps      ID = "report.more_steps"  // count
	ReportExitStatus     ID = "report.exit_status" // number
	ReportStepFailed     ID = "report.step_failed" // error
	ReportNewConnection  ID = "report.new_connection"
	ReportSameConnection ID = "report.same_connection"
	ReportLeftRunning    ID = "report.left_running"
	ReportPrograms       ID = "report.programs"
	ReportStarvedRun     ID = "report.starved_run"  // duration, its ms
	ReportStarvedNode    ID = "report.starved_node" // node, duration, its ms
	ReportStarvedMore    ID = "report.starved_more" // count
)

// resultTexts is what is said of them.
var resultTexts = texts{
	ReportMoreSteps:      {"... and %[1]d more steps", "……另有 %[1]d 个步骤"},
	ReportExitStatus:     {"exit status %[1]d", "退出状态 %[1]d"},
	ReportStepFailed:     {"failed: %[1]s", "失败：%[1]s"},
	ReportNewConnection:  {"new connection", "新连接"},
	ReportSameConnection: {"same connection", "沿用连接"},
	ReportLeftRunning:    {"left running", "留在后台运行"},
	ReportPrograms:       {"programs", "程序"},
	ReportStarvedRun:     {"starved: the run %[1]s late at %[2]s ms", "机器繁忙：运行在 %[2]s ms 处晚了 %[1]s"},
	ReportStarvedNode:    {"starved: agent of node %[1]s %[2]s late at %[3]s ms", "机器繁忙：节点 %[1]s 的代理在 %[3]s ms 处晚了 %[2]s"},
	ReportStarvedMore:    {"... and %[1]d more times", "……另有 %[1]d 次"},
}
