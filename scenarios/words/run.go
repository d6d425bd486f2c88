package words

// What the command says, and what a run that could not be carried out says.
const (
	HelpNetlab     ID = "help.netlab"
	HelpNetlabLong ID = "help.netlab.long"
	HelpLang       ID = "help.lang"
	HelpRun        ID = "help.run"
	HelpRunLong    ID = "help.run.long"
	HelpRepeat     ID = "help.run.repeat"
	HelpVariant    ID = "help.run.variant"
	HelpMutations  ID = "help.run.mutations"
	HelpOut        ID = "help.run.out"
	HelpTimeout    ID = "help.run.timeout"
	HelpJSON       ID = "help.json"
	HelpFull       ID = "help.run.full"
	HelpWithout    ID = "help.run.without"
	HelpObserve    ID = "help.run.observe"
	HelpTimes      ID = "help.run.times"
	HelpList       ID = "help.list"
	HelpShow       ID = "help.show"
	HelpValidate   ID = "help.validate"
	HelpPlan       ID = "help.plan"
	HelpSchema     ID = "help.schema"
	HelpCheck      ID = "help.check"
	HelpCheckLong  ID = "help.check.long"
	HelpDoctor     ID = "help.doctor"
	HelpExplain    ID = "help.doctor.explain"
	HelpVersion    ID = "help.version"
	HelpLanguage   ID = "help.language"

	BadLang             ID = "run.bad_lang"
	BadRepeat           ID = "run.bad_repeat"
	BadTimeout          ID = "run.bad_timeout"
	BadProbe            ID = "run.bad_probe"
	BadObserve          ID = "run.bad_observe"
	NoScenario          ID = "run.no_scenario"
	SetOfScenarios      ID = "run.set"
	NotAFile            ID = "run.not_a_file"
	NoYAML              ID = "run.no_yaml"
	NoVariant           ID = "run.no_variant"
	NoMutation          ID = "run.no_mutation"
	NoVariants          ID = "run.no_variants"
	NoTopic             ID = "run.no_topic"
	NothingRunOne       ID = "run.nothing_run_one"
	NothingRun          ID = "run.nothing_run"
	Interrupted         ID = "run.interrupted"
	NothingStarted      ID = "run.nothing_started"
	RunDirectory        ID = "run.directory"
	WhereLog            ID = "run.log"
	LastLine            ID = "run.last_line"
	NothingPrinted      ID = "run.nothing_printed"
	NoDirectory         ID = "run.no_directory"
	TimeoutExceeded     ID = "run.timeout"
	LineCause           ID = "run.cause"
	LineFix             ID = "run.fix"
	Valid               ID = "run.valid"
	Progress            ID = "run.progress"
	LimitExceeded       ID = "run.limit"
	DoctorAllowed       ID = "doctor.allowed"
	DoctorRefused       ID = "doctor.refused"
	DoctorReplaced      ID = "doctor.replaced"
	DoctorFix           ID = "doctor.fix"
	DoctorKernel        ID = "doctor.kernel"
	DoctorAsRoot        ID = "doctor.as_root"
	DoctorAsUser        ID = "doctor.as_user"
	ExplainUserns       ID = "doctor.explain.userns"
	Verbatim            ID = "verbatim"
	NeedLab             ID = "need.lab"
	NeedWire            ID = "need.wire"
	NeedSockDiag        ID = "need.sockdiag"
	NeedSS              ID = "need.ss"
	NeedBPF             ID = "need.bpf"
	NeedBPFLife         ID = "need.bpf.life"
	NeedBPFReset        ID = "need.bpf.reset"
	NeedBPFResent       ID = "need.bpf.resent"
	NeedBPFFault        ID = "need.bpf.fault"
	NeedBPFDrop         ID = "need.bpf.drop"
	NeedBPFTally        ID = "need.bpf.tally"
	NeedNetem           ID = "need.netem"
	CauseAppArmor       ID = "cause.apparmor"
	FixAppArmor         ID = "fix.apparmor"
	CauseDenied         ID = "cause.denied"
	FixDenied           ID = "fix.denied"
	CauseContainer      ID = "cause.container"
	FixContainer        ID = "fix.container"
	CauseMaxUserns      ID = "cause.max_userns"
	FixMaxUserns        ID = "fix.max_userns"
	CauseUsernsClone    ID = "cause.userns_clone"
	FixUsernsClone      ID = "fix.userns_clone"
	CauseNamespaceLimit ID = "cause.namespace_limit"
	FixNamespaceLimit   ID = "fix.namespace_limit"
	CauseKernelLacks    ID = "cause.kernel_lacks"
	FixKernelLacks      ID = "fix.kernel_lacks"
)

// runTexts is what the command and the runs say.
var runTexts = texts{
	HelpNetlab: {"A network lab with real sockets", "使用真实套接字的网络实验室"},
	HelpNetlabLong: {`netlab turns a sentence about how connections behave into an experiment on
the real kernel. A scenario file describes nodes, links, servers and steps;
netlab builds them, watches with several observers, and says whether the
sentence holds, with the evidence.

Exit codes: 0 every verdict is pass; 1 a verdict failed; 2 wrong usage or a
wrong scenario, before anything ran; 3 inconclusive, or this machine cannot
run it; 4 an error of netlab's own, or a program of the lab did not start or
died; 130 interrupted.`,
		`netlab 把一句关于连接行为的话变成真实内核上的实验。场景文件描述节点、链路、
服务器和步骤；netlab 搭建它们，用多个相互独立的观察者记录，再给出这句话是否
成立以及证据。

退出码：0 全部通过；1 有判定失败；2 用法或场景文件有错，什么也没有运行；
3 无法定论，或本机无法运行；4 netlab 自身出错，或实验中的程序没有启动
或中途终止；130 被中断。`},
	HelpLang: {"language of the output: en or zh", "输出语言：en 或 zh"},
	HelpRun:  {"Run scenarios", "运行场景"},
	HelpRunLong: {`Run scenarios: files, directories of files, names of the gallery (netlab list)
or of a set of it. Each run leaves a run directory with all that was recorded.

A directory, a set, --jobs or --shard makes a suite: a line for each scenario,
what did not pass in full, and the slowest. Scenarios run one at a time unless
--jobs says otherwise: side by side they keep each other waiting, and an
expectation on time is inconclusive where that was noticed. Those marked
exclusive run alone, after the others. Results are in the same order whatever
ended first.`,
		`运行场景：文件、存放场景文件的目录、内置场景或一组内置场景的名字（见 netlab list）。
每次运行都会留下一个运行目录，其中保存全部记录。

给出目录、一组场景、--jobs 或 --shard 时，各场景作为一个套件运行：每个场景一行，未通过的
给出全部细节，并列出最慢的。除非用 --jobs 另行指定，场景逐个运行：同时运行会彼此
耽搁，一旦发现耽搁，关于时间的预期就无法判定。标为 exclusive 的场景在其余之后单独
运行。无论哪个先结束，结果的顺序都不变。`},
	HelpRepeat:    {"run each scenario `N` times", "每个场景运行 `N` 次"},
	HelpVariant:   {"run the variant `NAME`; all for the base and every variant", "运行名为 `NAME` 的变体；all 表示基本场景和全部变体"},
	HelpMutations: {"run the mutations instead: changed copies in which the expectations that they name must fail", "改为运行变异：改动过的副本，其中点名的预期必须失败"},
	HelpOut:       {"make run directories in `DIR`", "在 `DIR` 中建立运行目录"},
	HelpTimeout:   {"bound the time of each run, as 30s, instead of limits.run", "每次运行的时间上限，例如 30s，代替 limits.run"},
	HelpJSON:      {"print JSON for programs", "输出供程序读取的 JSON"},
	HelpFull:      {"show every frame", "显示每一个帧"},
	HelpObserve:   {"how closely the lab is looked at, instead of as the scenario says: free (nothing waits), lockstep (every frame waits until sockdiag and ss have looked), auto (lockstep where there are no kernel events)", "如何观察实验，代替场景中的设置：free（不等待）、lockstep（每个报文段都等 sockdiag 和 ss 看过再放行）、auto（没有内核事件时用 lockstep）"},
	HelpWithout:   {"go without a probe: bpf, sockdiag, ss or wire", "不使用某个探针：bpf、sockdiag、ss 或 wire"},
	HelpTimes:     {"show where the time went", "显示各阶段用时"},
	HelpList:      {"List the scenarios of the gallery", "列出内置场景"},
	HelpShow:      {"Explain a scenario of the gallery", "讲解一个内置场景"},
	HelpValidate:  {"Check scenario files without running them", "检查场景文件但不运行"},
	HelpPlan:      {"Print what a scenario would build", "显示一个场景将搭建什么"},
	HelpSchema:    {"Print the JSON Schema of scenario files", "输出场景文件的 JSON Schema"},
	HelpCheck:     {"Judge recorded runs again", "重新判定已记录的运行"},
	HelpCheckLong: {`Judge recorded runs again, from the files of their run directories alone. It
needs no privileges. The verdicts are printed as the run wrote them.`,
		`只根据运行目录中的文件重新判定，不需要特权。判定结果的格式与运行时写下的
完全相同。`},
	HelpDoctor:   {"Say what this machine allows, and what to do about the rest", "检查本机允许什么，以及其余的如何解决"},
	HelpExplain:  {"explain a `TOPIC`: userns", "解释一个主题 `TOPIC`：userns"},
	HelpVersion:  {"Print the version", "显示版本"},
	HelpLanguage: {"The scenario language, every key of it", "场景语言的全部键"},

	BadLang:        {"--lang %[1]q: allowed: en, zh", "--lang %[1]q：只能是 en 或 zh"},
	BadRepeat:      {"--repeat %[1]d: it must be from 1 to 100000", "--repeat %[1]d：必须在 1 到 100000 之间"},
	BadTimeout:     {"--timeout %[1]v: it must be longer than 0", "--timeout %[1]v：必须大于 0"},
	BadObserve:     {"--observe %[1]q: allowed: %[2]s", "--observe %[1]q：只能是 %[2]s"},
	BadProbe:       {"--without %[1]q: allowed: %[2]s", "--without %[1]q：只能是 %[2]s"},
	SetOfScenarios: {"%[1]s  %[2]d scenarios; netlab run %[3]s runs them all", "%[1]s  共 %[2]d 个场景；netlab run %[3]s 运行全部"},
	NoScenario: {"%[1]q is neither a file nor a scenario of the gallery%[2]s\n  fix: netlab list shows the gallery; a file is named with its path, as ./my.yaml",
		"%[1]q 既不是文件，也不是内置场景%[2]s\n  解决：netlab list 列出内置场景；文件请写出路径，例如 ./my.yaml"},
	NotAFile:       {"%[1]s is neither a regular file nor a directory", "%[1]s 既不是普通文件，也不是目录"},
	NoYAML:         {"%[1]s holds no file named *.yaml", "%[1]s 中没有 *.yaml 文件"},
	NoMutation:     {"%[1]s: no mutations", "%[1]s：没有变异"},
	NoVariant:      {"scenario %[1]s has no variant or mutation %[2]q; it has: %[3]s", "场景 %[1]s 没有变体或变异 %[2]q；现有：%[3]s"},
	NoVariants:     {"none", "无"},
	NoTopic:        {"--explain %[1]q: allowed: %[2]s", "--explain %[1]q：只能是 %[2]s"},
	NothingRunOne:  {"1 error, nothing was run (exit 2)", "1 个错误，什么也没有运行（退出码 2）"},
	NothingRun:     {"%[1]d errors, nothing was run (exit 2)", "%[1]d 个错误，什么也没有运行（退出码 2）"},
	Interrupted:    {"interrupted", "被中断"},
	NothingStarted: {"nothing was started (exit 3)", "什么也没有启动（退出码 3）"},
	RunDirectory:   {"run directory: %[1]s (exit %[2]d)", "运行目录：%[1]s（退出码 %[2]d）"},
	WhereLog:       {"log: %[1]s", "日志：%[1]s"},
	NothingPrinted: {"nothing was printed", "没有任何输出"},
	LastLine:       {"last line: %[1]s", "最后一行：%[1]s"},
	NoDirectory:    {"%[1]q: this directory cannot be opened below that of the scenario: %[2]s", "%[1]q：在场景文件所在的目录之下打不开此目录：%[2]s"},
	LineCause:      {"cause: %[1]s", "原因：%[1]s"},
	LineFix:        {"fix: %[1]s", "解决：%[1]s"},
	Valid:          {"%[1]s: valid", "%[1]s：正确"},
	Progress:       {"%[1]s [%[2]s]  run %[3]d of %[4]d  pass %[5]d  fail %[6]d  inconclusive %[7]d", "%[1]s [%[2]s]  第 %[3]d 次，共 %[4]d 次  通过 %[5]d  失败 %[6]d  无定论 %[7]d"},
	LimitExceeded:  {"limits.%[1]s: the run exceeded %[2]s\n  fix: raise limits.%[1]s in the scenario", "limits.%[1]s：运行超过了 %[2]s\n  解决：在场景中提高 limits.%[1]s"},

	TimeoutExceeded: {"--timeout: the run took longer than %[1]s", "--timeout：运行超过了 %[1]s"},

	DoctorAllowed:  {"ok  %[1]s  %[2]s", "ok  %[1]s  %[2]s"},
	DoctorRefused:  {"--  %[1]s  %[2]s: refused: %[3]s", "--  %[1]s  %[2]s：被拒绝：%[3]s"},
	DoctorReplaced: {"..  %[1]s  %[2]s: %[3]s", "..  %[1]s  %[2]s：%[3]s"},
	DoctorFix:      {"fix: %[1]s", "解决：%[1]s"},
	DoctorKernel:   {"Linux %[1]s, %[2]s", "Linux %[1]s，%[2]s"},
	DoctorAsRoot:   {"with the privileges of root", "具有 root 特权"},
	DoctorAsUser:   {"as an ordinary user", "普通用户"},
	ExplainUserns: {`Without root, netlab makes its labs inside a user namespace. Ubuntu 23.10 and
later let only named programs do that (AppArmor). Either use sudo, or install
this profile, for the path where your netlab is:

  sudo tee /etc/apparmor.d/netlab <<'END'
  abi <abi/4.0>,
  include <tunables/global>
  profile netlab %[1]s flags=(unconfined) {
    userns,
  }
  END
  sudo apparmor_parser -r /etc/apparmor.d/netlab

or lift the restriction until the next start of the machine:

  sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`,
		`没有 root 特权时，netlab 在用户命名空间中搭建实验室。Ubuntu 23.10 及以后的版本
只允许列出的程序这样做（AppArmor）。可以使用 sudo，或为 netlab 所在的路径安装
下面的配置：

  sudo tee /etc/apparmor.d/netlab <<'END'
  abi <abi/4.0>,
  include <tunables/global>
  profile netlab %[1]s flags=(unconfined) {
    userns,
  }
  END
  sudo apparmor_parser -r /etc/apparmor.d/netlab

或者在下次开机之前解除这一限制：

  sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`},
	Verbatim:     {"%[1]s", "%[1]s"},
	NeedLab:      {"namespaces, links and processes of a lab", "实验室的命名空间、链路和进程"},
	NeedWire:     {"capture of the frames on every link end", "在每个链路端点抓取帧"},
	NeedSockDiag: {"looks at the kernel's table of sockets", "查看内核的套接字表"},
	NeedSS:       {"the same looks through ss(8)", "通过 ss(8) 查看同一张表"},
	NeedNetem:    {"impairments by the kernel (else a gate does them)", "由内核实现链路损伤（否则由闸门实现）"},
	NeedBPF:      {"every state transition, recorded by the kernel", "由内核记录的每一次状态转换"},

	NeedBPFLife:   {"the lives of request sockets and of TIME-WAIT", "请求套接字和 TIME-WAIT 的生灭"},
	NeedBPFReset:  {"resets sent and received, and why", "发出和收到的 RST 及其原因"},
	NeedBPFResent: {"segments that the kernel sent again", "内核重传的报文段"},
	NeedBPFFault:  {"errors that sockets were given", "交给套接字的错误"},
	NeedBPFDrop:   {"segments that TCP threw away, and why", "TCP 丢弃的报文段及其原因"},
	NeedBPFTally:  {"what each socket had sent and received", "每个套接字的收发总数"},

	CauseAppArmor:       {"kernel.apparmor_restrict_unprivileged_userns=1 (Ubuntu 23.10 and later)", "kernel.apparmor_restrict_unprivileged_userns=1（Ubuntu 23.10 及以后）"},
	FixAppArmor:         {"sudo netlab ..., or install the AppArmor profile: netlab doctor --explain userns", "使用 sudo netlab ...，或安装 AppArmor 配置：netlab doctor --explain userns"},
	CauseDenied:         {"this user may not make namespaces", "当前用户不能建立命名空间"},
	FixDenied:           {"sudo netlab ...; netlab doctor says more", "使用 sudo netlab ...；netlab doctor 有更多说明"},
	CauseContainer:      {"this is a container without the right to make namespaces", "这是一个无权建立命名空间的容器"},
	FixContainer:        {"docker run --privileged, or run netlab outside the container", "使用 docker run --privileged，或在容器之外运行 netlab"},
	CauseMaxUserns:      {"user.max_user_namespaces=0", "user.max_user_namespaces=0"},
	FixMaxUserns:        {"sudo netlab ..., or sudo sysctl user.max_user_namespaces=15000", "使用 sudo netlab ...，或 sudo sysctl user.max_user_namespaces=15000"},
	CauseUsernsClone:    {"kernel.unprivileged_userns_clone=0", "kernel.unprivileged_userns_clone=0"},
	FixUsernsClone:      {"sudo netlab ..., or sudo sysctl kernel.unprivileged_userns_clone=1", "使用 sudo netlab ...，或 sudo sysctl kernel.unprivileged_userns_clone=1"},
	CauseNamespaceLimit: {"the limit of namespaces is reached (user.max_*_namespaces)", "命名空间数量已达上限（user.max_*_namespaces）"},
	FixNamespaceLimit:   {"wait until other labs have ended, or raise the limit with sysctl", "等待其他实验室结束，或用 sysctl 提高上限"},
	CauseKernelLacks:    {"this kernel lacks a kind of namespace", "本机内核缺少某种命名空间"},
	FixKernelLacks:      {"use a kernel with CONFIG_USER_NS, CONFIG_PID_NS and CONFIG_NET_NS", "使用具有 CONFIG_USER_NS、CONFIG_PID_NS 和 CONFIG_NET_NS 的内核"},
}
