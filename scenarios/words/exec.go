package words

// What the command says of programs of the host and of what scenarios need.
const (
	HelpNeeds       ID = "help.needs"
	HelpNeedsLong   ID = "help.needs.long"
	HelpMissing     ID = "help.needs.missing"
	HelpNoExec      ID = "help.run.no_exec"
	ExecRefused     ID = "exec.refused"
	NeedsMissing    ID = "needs.missing"
	NeedsPackage    ID = "needs.package"
	NeedsProgram    ID = "needs.program"
	NeedsKernel     ID = "needs.kernel"
	NeedsFeature    ID = "needs.feature"
	NeedsInstall    ID = "needs.install"
	NeedsAlsoLacked ID = "needs.also_lacked"
)

var execTexts = texts{
	HelpNeeds: {"print the Debian packages that scenarios need", "列出场景所需的 Debian 软件包"},
	HelpNeedsLong: {
		"Prints the Debian packages that scenarios and their variants need, one on each line:\n\n  apt-get install $(netlab needs DIR)\n\nPackages of which only one can be installed at a time are printed all the same.",
		"列出各场景及其变体所需的 Debian 软件包，每行一个：\n\n  apt-get install $(netlab needs DIR)\n\n互相冲突、不能同时安装的软件包也会一并列出。",
	},
	HelpMissing:     {"only what is missing on this machine", "只列出本机缺少的"},
	HelpNoExec:      {"refuse scenarios that run programs of this machine", "拒绝会运行本机程序的场景"},
	ExecRefused:     {"%[1]s runs programs of this machine (%[2]s), which --no-exec refuses; nothing was run", "%[1]s 会运行本机程序（%[2]s），--no-exec 拒绝运行；什么也没有运行"},
	NeedsMissing:    {"%[1]s: this machine lacks what the scenario needs", "%[1]s：本机缺少该场景所需的条件"},
	NeedsPackage:    {"missing: package %[1]s", "缺少：软件包 %[1]s"},
	NeedsProgram:    {"missing: program %[1]s, on the search path", "缺少：搜索路径上的程序 %[1]s"},
	NeedsKernel:     {"missing: Linux %[1]s or later: %[2]s", "缺少：Linux %[1]s 或更新的版本：%[2]s"},
	NeedsFeature:    {"missing: %[1]s: %[2]s", "缺少：%[1]s：%[2]s"},
	NeedsInstall:    {"as root: %[1]s", "以 root 身份执行：%[1]s"},
	NeedsAlsoLacked: {"no package helps: %[1]s", "没有软件包可以弥补：%[1]s"},
}
