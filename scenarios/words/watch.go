package words

// What the command says of namespaces that it watches.
const (
	HelpWatch      ID = "help.watch"
	HelpWatchLong  ID = "help.watch.long"
	HelpWatchNetNS ID = "help.watch.netns"
	HelpWatchPID   ID = "help.watch.pid"
	HelpWatchPort  ID = "help.watch.port"
	HelpWatchAddr  ID = "help.watch.addr"
	HelpWatchState ID = "help.watch.state"
	HelpWatchOnly  ID = "help.watch.only"
	HelpWatchCount ID = "help.watch.count"
	HelpWatchFor   ID = "help.watch.for"
	HelpWatchNew   ID = "help.watch.new"

	WatchBadState  ID = "watch.bad_state" // value, allowed
	WatchBadAddr   ID = "watch.bad_addr"  // value
	WatchBadCount  ID = "watch.bad_count" //
	WatchNoNetNS   ID = "watch.no_netns"  // name, why
	WatchDenied    ID = "watch.denied"    // name
	WatchSkipped   ID = "watch.skipped"   // count
	WatchSampled   ID = "watch.sampled"   // why
	WatchSampleFix ID = "watch.sample_fix"
	WatchLacks     ID = "watch.lacks"    // kind, why
	WatchSummary   ID = "watch.summary"  // lines
	WatchLostAll   ID = "watch.lost_all" // records

	WatchColumns        ID = "watch.columns"
	WatchNoRequest      ID = "watch.no_request"
	WatchRequest        ID = "watch.request"
	WatchRequestEnded   ID = "watch.request_ended"
	WatchRequestExpired ID = "watch.request_expired"
	WatchMini           ID = "watch.mini"
	WatchEndedEarly     ID = "watch.ended_early"
	WatchFound          ID = "watch.found"
	WatchGone           ID = "watch.gone"
	WatchResetSent      ID = "watch.reset_sent" // reason
	WatchResetReceived  ID = "watch.reset_received"
	WatchResent         ID = "watch.resent" // what, or the state
	WatchFault          ID = "watch.fault"  // errno
	WatchDrop           ID = "watch.drop"   // flags, reason
	WatchTally          ID = "watch.tally"  // segments out, in, bytes out, in, resent
	WatchLoss           ID = "watch.loss"   // count, what
)

var watchTexts = texts{
	HelpWatch: {"Watch the TCP sockets of a namespace, or of the host", "实时观察某个网络命名空间或主机的 TCP 套接字"},
	HelpWatchLong: {`Watch the TCP sockets of network namespaces as kernel events tell of them: every
transition and the time spent in the state before, SYN-RECEIVED (request
sockets) and TIME-WAIT (mini-sockets) too; resets and the kernel's reason for
them, what was sent again, errors, drops. What is there already is listed first.

A process is named only where it held the socket. The local port of SYN-SENT,
which the kernel has not chosen at that moment, is filled in.

Without the privilege for kernel events, the kernel's tables are looked at again
and again instead, and what is short is missed: the lines say "sampled".

It ends with --count, --for or Control-C. Exit code: 3 if records were lost.`,
		`通过内核事件实时观察网络命名空间中的 TCP 套接字：每一次状态转换以及在前一状态停留的
时间，包括 SYN-RECEIVED（请求套接字）和 TIME-WAIT（小型套接字）；复位及内核给出的
原因、重传、错误、丢弃。已经存在的套接字先列出。

只有进程持有套接字时才写出进程。SYN-SENT 时内核还没有选定的本地端口会补上。

没有使用内核事件的权限时，改为反复查看内核的套接字表，短暂的状态会漏掉：这样的行标有
“采样”。

以 --count、--for 或 Control-C 结束。退出码：丢失了记录时为 3。`},
	HelpWatchNetNS: {"watch this namespace: a `NAME` of ip-netns(8), a path, host, or all (new ones are found within a second); may be given several times", "观察这个命名空间：ip-netns(8) 中的名字 `NAME`、路径、host，或 all（新的在一秒内发现）；可以给出多次"},
	HelpWatchPID:   {"watch the namespace of process `PID`; may be given several times", "观察进程 `PID` 所在的命名空间；可以给出多次"},
	HelpWatchPort:  {"only connections with this `PORT` at either end", "只显示任一端为此端口 `PORT` 的连接"},
	HelpWatchAddr:  {"only connections with this address `A` at either end", "只显示任一端为此地址 `A` 的连接"},
	HelpWatchState: {"only transitions from or to this `STATE`, as TIME-WAIT", "只显示离开或进入此状态 `STATE` 的转换，如 TIME-WAIT"},
	HelpWatchOnly:  {"only these `KINDS` of event: state, life (of mini-sockets), reset, resent, fault, drop, sample, tally", "只显示这些种类 `KINDS` 的事件：state、life（小型套接字的生命）、reset、resent、fault、drop、sample、tally"},
	HelpWatchCount: {"end after `N` lines", "显示 `N` 行后结束"},
	HelpWatchFor:   {"end after this time, as 10s", "在这段时间后结束，如 10s"},
	HelpWatchNew:   {"do not list the sockets that are there already", "不列出已经存在的套接字"},

	WatchBadState:  {"--state: %[1]q is no state of RFC 9293\n  allowed: %[2]s", "--state：%[1]q 不是 RFC 9293 的状态\n  可以是：%[2]s"},
	WatchBadAddr:   {"--addr: %[1]q is not an address, such as 10.77.0.1 or fd77::1", "--addr：%[1]q 不是地址，应如 10.77.0.1 或 fd77::1"},
	WatchBadCount:  {"--count and --for must not be negative", "--count 和 --for 不能为负"},
	WatchNoNetNS:   {"namespace %[1]s: %[2]s\n  allowed: a name of ip-netns(8) (ip netns list), a path such as /proc/PID/ns/net, host, all", "命名空间 %[1]s：%[2]s\n  可以是：ip-netns(8) 中的名字（ip netns list）、/proc/PID/ns/net 这样的路径、host、all"},
	WatchDenied:    {"namespace %[1]s may not be entered: permission denied\n  fix: run as root (sudo netlab watch ...); the namespace that netlab runs in can be watched without", "不能进入命名空间 %[1]s：权限不足\n  解决：以 root 运行（sudo netlab watch ...）；netlab 自己所在的命名空间不需要特权"},
	WatchSkipped:   {"%[1]d namespaces may not be entered, and are not watched: run as root to see all", "有 %[1]d 个命名空间不能进入，不在观察之列：以 root 运行才能看到全部"},
	WatchSampled:   {"no kernel events here (%[1]s): the kernel's tables are looked at again and again instead, and short states are missed", "这里没有内核事件（%[1]s）：改为反复查看内核的套接字表，短暂的状态会漏掉"},
	WatchSampleFix: {"  fix: %[1]s", "  解决：%[1]s"},
	WatchLacks:     {"no events of kind %[1]s here: %[2]s", "这里没有 %[1]s 类事件：%[2]s"},
	WatchSummary:   {"%[1]d lines", "%[1]d 行"},
	WatchLostAll:   {"%[1]d lines; %[2]d records were lost: more happened than is shown", "%[1]d 行；丢失了 %[2]d 条记录：实际发生的比显示的多"},

	WatchColumns:        {"time|netns|process|local|remote|what", "时间|命名空间|进程|本地|远端|事件"},
	WatchNoRequest:      {"no request socket before it: a SYN cookie, or fast open", "之前没有请求套接字：SYN cookie 或 fast open"},
	WatchRequest:        {"request socket", "请求套接字"},
	WatchRequestEnded:   {"request gone: reset, or another SYN", "请求消失：被复位，或来了另一个 SYN"},
	WatchRequestExpired: {"request given up: no ACK came", "放弃请求：没有等到 ACK"},
	WatchMini:           {"mini-socket", "小型套接字"},
	WatchEndedEarly:     {"before its time", "提前结束"},
	WatchFound:          {"sampled", "采样"},
	WatchGone:           {"sampled: gone", "采样：已消失"},
	WatchResetSent:      {"RST sent  %[1]s", "发送 RST  %[1]s"},
	WatchResetReceived:  {"RST received", "收到 RST"},
	WatchResent:         {"sent again: %[1]s", "重传：%[1]s"},
	WatchFault:          {"error %[1]s", "错误 %[1]s"},
	WatchDrop:           {"dropped %[1]s  %[2]s", "丢弃 %[1]s  %[2]s"},
	WatchTally:          {"ended: %[1]d segments out, %[2]d in; %[3]d bytes out, %[4]d in; %[5]d sent again", "结束：发出 %[1]d 个报文段，收到 %[2]d 个；发出 %[3]d 字节，收到 %[4]d 字节；重传 %[5]d 个"},
	WatchLoss:           {"LOST %[1]d records: %[2]s", "丢失 %[1]d 条记录：%[2]s"},
}
