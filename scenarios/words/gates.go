package words

import "strings"

// What is wrong with the parts of a scenario that speak of gates,
// impairments, single calls of sockets and steps in the background.
const (
	ValueNotShare     ID = "value.not_share"
	ValueNoPercent    ID = "value.no_percent"
	ValueShareTooFine ID = "value.share_too_fine"
	ValueNotRate      ID = "value.not_rate"
	ValueNoRateUnit   ID = "value.no_rate_unit"
	ValueWholeMillis  ID = "value.whole_milliseconds"

	NoRule          ID = "ref.no_rule"
	RuleLater       ID = "ref.rule_later"
	RuleHoldsNot    ID = "ref.rule_holds_not"
	NoEndOfLink     ID = "ref.no_end_of_link"
	ConnectionLater ID = "ref.connection_later"
	WaitNotAway     ID = "ref.wait_not_away"
	WaitProgram     ID = "ref.wait_program"
	WaitLater       ID = "ref.wait_later"
	WaitTwice       ID = "ref.wait_twice"
	SessionNotYet   ID = "ref.session_not_yet"

	FramesAny         ID = "fit.frames_any"
	ContradictsFlag   ID = "fit.contradicts_flag"
	AwaitTooOften     ID = "fit.await_too_often"
	ClearsNothing     ID = "fit.clears_nothing"
	HoldsForEver      ID = "fit.holds_for_ever"
	GateOff           ID = "fit.gate_off" // link, step, verb
	SegmentTooBig     ID = "fit.segment_too_big"
	ImpairNothing     ID = "fit.impair_nothing"
	ImpairTwice       ID = "fit.impair_twice"
	JitterTooLong     ID = "fit.jitter_too_long"
	PortListened      ID = "fit.port_listened"
	NoOption          ID = "fit.no_option"
	OptionListener    ID = "fit.option_listener"
	OptionConnection  ID = "fit.option_connection"
	OptionBefore      ID = "fit.option_before"
	ListenerHalf      ID = "fit.listener_half"
	ListenerClose     ID = "fit.listener_close"
	NobodyToAnswer    ID = "fit.nobody_to_answer"
	LockstepExclusive ID = "lockstep.exclusive"
	LockstepDurations ID = "lockstep.durations"
	LockstepImpair    ID = "lockstep.impair"
	LockstepDelay     ID = "lockstep.delay"
	LockstepUnknown   ID = "lockstep.unknown"
	LockstepBulk      ID = "lockstep.bulk"
	LockstepLinks     ID = "lockstep.links"
	LockstepClosing   ID = "lockstep.closing"
)

// gateTexts is what is said of them.
var gateTexts = texts{
	ValueNotShare:     {"%[1]s is not a share such as %[2]s or %[3]s", "%[1]s 不是百分比，应如 %[2]s 或 %[3]s"},
	ValueNoPercent:    {"the share %[1]s has no percent sign", "百分比 %[1]s 没有百分号"},
	ValueShareTooFine: {"%[1]s is finer than can be told: a share has %[2]d decimals at most", "%[1]s 过于精细：百分比最多有 %[2]d 位小数"},
	ValueNotRate:      {"%[1]s is not a rate in bits per second, such as %[2]s or %[3]s", "%[1]s 不是速率（每秒比特数），应如 %[2]s 或 %[3]s"},
	ValueNoRateUnit:   {"the rate %[1]s has no unit", "速率 %[1]s 没有单位"},
	ValueWholeMillis:  {"%[1]s is not in whole milliseconds", "%[1]s 不是整毫秒"},

	NoRule:          {"no rule %[1]s: a rule bears the name (as) of a step %[2]s", "没有规则 %[1]s：规则以 %[2]s 步骤的名称（as）命名"},
	RuleLater:       {"rule %[1]s is given only later, by steps[%[2]d]", "规则 %[1]s 要到 steps[%[2]d] 才给出"},
	RuleHoldsNot:    {"rule %[1]s is of %[2]s and holds no frames; %[3]s needs a rule of gate.hold", "规则 %[1]s 由 %[2]s 给出，并不截留帧；%[3]s 需要由 gate.hold 给出的规则"},
	NoEndOfLink:     {"link %[1]s has no end %[2]s", "链路 %[1]s 没有 %[2]s 这一端"},
	ConnectionLater: {"connection %[1]s is opened only later, by steps[%[2]d]", "连接 %[1]s 要到 steps[%[2]d] 才打开"},
	WaitNotAway:     {"step %[1]s (%[2]s) is not in the background: it has ended before the next begins; where it is to go on meanwhile, say background: on there", "步骤 %[1]s（%[2]s）不在后台：它结束之后下一步才开始；若要它同时进行，请在那里写 background: on"},
	WaitProgram:     {"step %[1]s starts a program; exec.wait waits for its end", "步骤 %[1]s 启动的是程序；请用 exec.wait 等待其结束"},
	WaitLater:       {"step %[1]s is taken only later: it is steps[%[2]d]", "步骤 %[1]s 要到后面才执行：它是 steps[%[2]d]"},
	WaitTwice:       {"the end of step %[1]s was awaited by steps[%[2]d]", "steps[%[2]d] 已等到步骤 %[1]s 结束"},
	SessionNotYet:   {"session %[1]s is opened in the background, by steps[%[2]d], and may not be there yet: put a step wait: {step: %[3]s} before this one", "会话 %[1]s 由 steps[%[2]d] 在后台打开，此时可能尚未建立：请在此之前加一步 wait: {step: %[3]s}"},

	FramesAny:        {"nothing is said of the frames: say which, or leave the key out", "没有说明是哪些帧：请写明，或去掉此键"},
	ContradictsFlag:  {"%[1]s needs %[2]s set, and flags_unset wants it not set", "%[1]s 要求 %[2]s 置位，而 flags_unset 要求它不置位"},
	AwaitTooOften:    {"rule %[1]s never matches %[4]d times: it has at most %[2]d, by its %[3]s", "规则 %[1]s 不可能匹配 %[4]d 次：它的 %[3]s 限定最多 %[2]d 次"},
	ClearsNothing:    {"no step before this one gives link %[1]s a rule", "在此之前没有步骤给链路 %[1]s 规则"},
	HoldsForEver:     {"nothing can release what it holds: give it a name (as) or until", "它截留的帧无法放行：请给它名称（as）或 until"},
	GateOff:          {"link %[1]s must be a gate: %[2]s (%[3]s) acts on its frames", "链路 %[1]s 必须是闸门：%[2]s（%[3]s）作用于它的帧"},
	SegmentTooBig:    {"a segment with %[1]d bytes of payload does not fit into the %[2]d bytes that link %[3]s carries (its mtu)", "带 %[1]d 字节数据的报文段放不进链路 %[3]s 能承载的 %[2]d 字节（其 mtu）"},
	ImpairNothing:    {"nothing is made worse here", "这里没有设置任何损伤"},
	ImpairTwice:      {"link %[1]s impairs both directions already, on line %[2]d; say it there, or at the ends", "链路 %[1]s 已在第 %[2]d 行为两个方向设置了损伤；只能写在那里，或写在两端"},
	JitterTooLong:    {"the jitter %[1]s is more than the delay %[2]s that varies by it", "抖动 %[1]s 大于它所作用的时延 %[2]s"},
	PortListened:     {"port %[1]d of node %[2]s is taken by steps[%[3]d]", "节点 %[2]s 的端口 %[1]d 已被 steps[%[3]d] 占用"},
	NoOption:         {"no option is given", "没有给出任何选项"},
	OptionListener:   {"a connection has no use for this: it belongs to a socket that listens (tcp.listen, or tcp.option of such a session)", "连接用不到此项：它属于监听的套接字（tcp.listen，或针对这种会话的 tcp.option）"},
	OptionConnection: {"a socket that listens has no use for this: it belongs to a connection (tcp.connect, tcp.accept, or tcp.option of such a session)", "监听的套接字用不到此项：它属于连接（tcp.connect、tcp.accept，或针对这种会话的 tcp.option）"},
	OptionBefore:     {"this comes too late: it belongs to what opens a connection (tcp.connect), or to the socket that listens (tcp.listen)", "此时已太晚：它属于打开连接的步骤（tcp.connect），或监听的套接字（tcp.listen）"},
	ListenerHalf:     {"%[1]s listens: ending its write direction does nothing; say half: read or both", "%[1]s 是监听的套接字：关闭其写方向不起作用；请写 half: read 或 both"},
	ListenerClose:    {"%[1]s listens: it can only be closed at once", "%[1]s 是监听的套接字：只能立即关闭"},
	NobodyToAnswer:   {"nobody has sent to session %[1]s yet, so there is nobody to answer: a udp.receive must stand before", "还没有人向会话 %[1]s 发送过，无从应答：此前必须有 udp.receive"},

	LockstepExclusive: {"it runs alone (exclusive), as times matter to it", "它要求独占运行（exclusive），说明时间对它很重要"},
	LockstepDurations: {"it expects durations (expect.durations)", "它对时长有预期（expect.durations）"},
	LockstepImpair:    {"it impairs link %[1]s", "它给链路 %[1]s 设置了损伤（impair）"},
	LockstepDelay:     {"it delays frames on link %[1]s (gate.delay)", "它延迟链路 %[1]s 上的帧（gate.delay）"},
	LockstepUnknown:   {"a server of it serves a directory, whose files may be of any size", "它的服务器提供一个目录，其中文件大小不定"},
	LockstepLinks:     {"it has %[1]d links, more than %[2]d, and a segment would wait at each on its way", "它有 %[1]d 条链路，超过 %[2]d 条，而报文段要在途经的每一条上等待"},
	LockstepBulk:      {"it moves %[1]d bytes, more than %[2]d", "它传输 %[1]d 字节，超过 %[2]d 字节"},
	LockstepClosing:   {"it expects how %[1]s is closed, and %[3]s may acknowledge later than at once on link %[2]s: waiting would change the number of segments (acks: immediate there would settle it)", "它对 %[1]s 的关闭过程有预期，而 %[3]s 在链路 %[2]s 上可能推迟确认：等待会改变报文段的数目（在那里写 acks: immediate 即可确定）"},
}

// An Either is an argument of a Message: alternatives, joined as the language
// joins them.
type Either []string

// In returns the alternatives joined.
func (e Either) In(lang Lang) string {
	if len(e) < 2 {
		return strings.Join(e, "")
	}
	comma, or := ", ", " or "
	if lang == Chinese {
		comma, or = "、", " 或 "
	}
	last := len(e) - 1
	return strings.Join(e[:last], comma) + or + e[last]
}
