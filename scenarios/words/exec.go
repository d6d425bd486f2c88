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
	NeedsFile       ID = "needs.file"
	NeedsKernel     ID = "needs.kernel"
	NeedsFeature    ID = "needs.feature"
	NeedsInstall    ID = "needs.install"
	NeedsByHand     ID = "needs.by_hand"
	NeedsDoctor     ID = "needs.doctor"
	NeedsAlsoLacked ID = "needs.also_lacked"
)

var execTexts = texts{
	HelpNeeds: {"Print the Debian packages that scenarios need", "列出场景所需的 Debian 软件包"},
	HelpNeedsLong: {
		"Print the Debian packages that scenarios and their variants name in their needs,\none on each line:\n\n  apt-get install $(netlab needs DIR)\n\nPackages of which only one can be installed at a time are printed all the same.",
		"列出各场景及其变体在 needs 中写明的 Debian 软件包，每行一个：\n\n  apt-get install $(netlab needs DIR)\n\n互相冲突、不能同时安装的软件包也会一并列出。",
	},
	HelpMissing:     {"only what is missing on this machine", "只列出本机缺少的"},
	HelpNoExec:      {"refuse scenarios that run programs of this machine", "拒绝会运行本机程序的场景"},
	ExecRefused:     {"%[1]s runs programs of this machine (%[2]s), which --no-exec refuses; nothing was run", "%[1]s 会运行本机程序（%[2]s），--no-exec 拒绝运行；什么也没有运行"},
	NeedsMissing:    {"%[1]s: this machine lacks what the scenario needs", "%[1]s：本机缺少该场景所需的条件"},
	NeedsPackage:    {"missing: package %[1]s", "缺少：软件包 %[1]s"},
	NeedsProgram:    {"missing: program %[1]s, on the search path", "缺少：搜索路径上的程序 %[1]s"},
	NeedsFile:       {"missing: program %[1]s", "缺少：程序 %[1]s"},
	NeedsKernel:     {"missing: Linux %[1]s or later: this is Linux %[2]s", "缺少：Linux %[1]s 或更新的版本：本机是 Linux %[2]s"},
	NeedsFeature:    {"missing: %[1]s: %[2]s", "缺少：%[1]s：%[2]s"},
	NeedsInstall:    {"as root: %[1]s", "以 root 身份执行：%[1]s"},
	NeedsByHand:     {"install what brings it; needs.packages says which package that is", "安装提供它的软件；场景可在 needs.packages 中写明软件包"},
	NeedsDoctor:     {"netlab doctor says what to do about it", "netlab doctor 会说明该怎么办"},
	NeedsAlsoLacked: {"no package is named for it: %[1]s", "没有为它写明软件包：%[1]s"},
}
