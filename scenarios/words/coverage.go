package words

// What the command says of the edges that runs exercised.
const (
	HelpCoverage     ID = "help.coverage"
	HelpCoverageLong ID = "help.coverage.long"
	HelpCoverageAll  ID = "help.coverage.require"
	CoverageNoRuns   ID = "coverage.no_runs" // directory
	CoverageEmpty    ID = "coverage.empty"   // directory

	CoverageHead        ID = "coverage.head"        // runs, taken, edges, confirmed
	CoverageColumns     ID = "coverage.columns"     //
	CoverageUnreachable ID = "coverage.unreachable" // count
	CoverageMissing     ID = "coverage.missing"     // count
	CoverageWeak        ID = "coverage.weak"        // count
	CoverageAlone       ID = "coverage.alone"       // count
	CoverageOthers      ID = "coverage.others"      // count
	CoverageComplete    ID = "coverage.complete"    //
	CoverageIncomplete  ID = "coverage.incomplete"  // count
	CoverageDisputed    ID = "coverage.disputed"    // endpoints
	CoverageUntold      ID = "coverage.untold"      //

	CoverageConnectListener    ID = "coverage.connect_listener"
	CoverageAbortListener      ID = "coverage.abort_listener"
	CoverageListenerTimeless   ID = "coverage.listener_timeless"
	CoverageThroughEstablished ID = "coverage.through_established"
	CoverageThroughFinWait2    ID = "coverage.through_fin_wait_2"
	CoverageResetCloses        ID = "coverage.reset_closes"
	CoverageNobodyHolds        ID = "coverage.nobody_holds"
	CoverageOnlyTwoMSL         ID = "coverage.only_two_msl"
	CoverageOnlyTimer          ID = "coverage.only_timer"
)

var coverageTexts = texts{
	HelpCoverage: {"Say which edges of RFC 9293 recorded runs exercised", "列出已记录的运行走过 RFC 9293 的哪些边"},
	HelpCoverageLong: {`Say which edges of RFC 9293 (figure 5, its notes, and section 3.10) recorded
runs exercised, and which observers confirmed them: K kernel events (bpf), D
kernel state (sockdiag, ss), M the model, run on the wire and the calls. A
RUN_DIR is a run directory, or a directory of such.

A class confirms an edge where it saw the endpoint in both of its states, one
after the other, or saw it in the second where it begins in the first. An edge
is confirmed by two classes, or by the only one that can see it, with the reason
why no other can. A letter is small where the class only looked now and then.
Edges that Linux has no way to take are named with the reason. Endpoints whose
observers contradict each other do not count.

--json writes "runs", "complete", and "edges": of each "from", "event", "to",
"section", "note", "erratum", "drawn" (by figure 5), "standing" (confirmed, alone,
weak, missing, unreachable), "times", "runs", "seen_by" ("class", "times",
"source", "grade"), "why", and "source" (where Linux says so).

The exit code is 0, 2 where a RUN_DIR cannot be read, and with --require 1 where
an edge that can be reached is not confirmed.`,
		`列出已记录的运行走过 RFC 9293（图 5、其注释以及 3.10 节）的哪些边，以及由哪些
观察者确认：K 内核事件（bpf），D 内核状态（sockdiag、ss），M 由线路和系统调用驱动
的模型。RUN_DIR 是一个运行目录，或包含若干运行目录的目录。

某一类观察者先后看到端点处于一条边两端的状态（或端点本就从前一状态开始，只看到后
一状态），就算该类确认了这条边。一条边须由两类确认，或由唯一能看到它的一类确认并说明
其他类为何看不到。小写字母表示该类只是偶尔查看。Linux 上无法走到的边会说明原因。观察
者互相矛盾的端点不计入。

--json 输出 "runs"、"complete" 和 "edges"；每条边有 "from"、"event"、"to"、"section"、
"note"、"erratum"、"drawn"（图 5 是否画出）、"standing"（confirmed、alone、weak、
missing、unreachable）、"times"、"runs"、"seen_by"（"class"、"times"、"source"、
"grade"）、"why" 和 "source"（Linux 源码中的出处）。

退出码为 0；RUN_DIR 无法读取时为 2；使用 --require 且有可到达的边未确认时为 1。`},
	HelpCoverageAll: {"exit with 1 unless every edge that can be reached is confirmed", "除非每条可到达的边都得到确认，否则以 1 退出"},
	CoverageNoRuns:  {"%[1]s: no run directory, and none in it (a run directory has events.jsonl)", "%[1]s：不是运行目录，其中也没有（运行目录里有 events.jsonl）"},

	CoverageEmpty: {"%[1]s: left out, as the run ended before anything was recorded", "%[1]s：没有计入，因为运行在记录任何内容之前就结束了"},

	CoverageHead:        {"RFC 9293 in %[1]d runs: %[2]d of %[3]d edges taken, %[4]d confirmed by two observer classes", "%[1]d 次运行中的 RFC 9293：走过 %[3]d 条边中的 %[2]d 条，其中 %[4]d 条由两类观察者确认"},
	CoverageColumns:     {"from|event|to|times|seen by|in", "起始状态|事件|到达状态|次数|观察者|运行"},
	CoverageAlone:       {"confirmed by the only class that can see them (%[1]d):", "由唯一能看到的一类观察者确认（%[1]d）："},
	CoverageWeak:        {"taken, and confirmed by too few (%[1]d):", "走过但确认不足（%[1]d）："},
	CoverageMissing:     {"not taken (%[1]d):", "没有走过（%[1]d）："},
	CoverageUnreachable: {"out of reach on Linux (%[1]d):", "Linux 上无法到达（%[1]d）："},
	CoverageOthers:      {"taken beside these: other ways, or nobody tells by what event (%[1]d):", "此外还走过：其他途径，或无人说明事件（%[1]d）："},
	CoverageComplete:    {"Every edge that can be reached is confirmed.", "每条可到达的边都得到了确认。"},
	CoverageIncomplete:  {"Edges that can be reached and are not confirmed: %[1]d.", "可到达但没有得到确认的边：%[1]d 条。"},
	CoverageDisputed:    {"Endpoints left out, as their observers contradict each other (netlab check says how): %[1]d.", "因观察者互相矛盾而没有计入的端点（见 netlab check）：%[1]d 个。"},
	CoverageUntold:      {"(nobody tells)", "（无人说明）"},

	CoverageConnectListener:    {"connect() and send() on a listener are refused: EISCONN, EPIPE", "对监听套接字调用 connect() 和 send() 会被拒绝：EISCONN、EPIPE"},
	CoverageAbortListener:      {"closing a listener is one and the same, with SO_LINGER or without", "无论有没有 SO_LINGER，关闭监听套接字都是同一回事"},
	CoverageListenerTimeless:   {"a listener has no timer: SO_RCVTIMEO ends a call of accept(), not the listener", "监听套接字没有定时器：SO_RCVTIMEO 只结束一次 accept() 调用，不结束监听"},
	CoverageThroughEstablished: {"Linux acts on the ACK first, as section 3.10.7.4 says: the way leads through ESTABLISHED", "Linux 按 3.10.7.4 节先处理 ACK：要经过 ESTABLISHED"},
	CoverageThroughFinWait2:    {"Linux acts on the ACK first, as section 3.10.7.4 says: the way leads through FIN-WAIT-2", "Linux 按 3.10.7.4 节先处理 ACK：要经过 FIN-WAIT-2"},
	CoverageResetCloses:        {"who sends a RST goes to CLOSED: Linux does not follow note 3", "发送 RST 的一方进入 CLOSED：Linux 没有遵循注 3"},
	CoverageNobodyHolds:        {"no descriptor leads to a TIME-WAIT: nobody can abort it", "没有描述符指向 TIME-WAIT：谁也无法中止它"},
	CoverageOnlyTwoMSL:         {"a TIME-WAIT has one timer, that of 2MSL", "TIME-WAIT 只有一个定时器，即 2MSL 定时器"},
	CoverageOnlyTimer:          {"only the kernel's timer knows: no segment and no call shows it, and a look at the table shows an end, not its cause", "只有内核的定时器知道：没有报文段或系统调用能显示，查看套接字表只能看到结束，看不到原因"},
}
