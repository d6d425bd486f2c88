package words

import "strings"

// What the judge says: why a verdict is not pass, what limits a pass, and
// what would settle it.
const (
	// About a whole run.
	CheckRunCutShort ID = "check.run_cut_short" // the window was never closed
	CheckNotDrained  ID = "check.not_drained"   // probes still held records

	// About sources.
	CheckRefused      ID = "check.refused"       // source, its reason
	CheckAbsent       ID = "check.absent"        // source
	CheckOnlySampling ID = "check.only_sampling" // sources
	CheckOnlySampled  ID = "check.only_sampled"  // what, sources
	CheckAnd          ID = "check.and"           // two reasons
	CheckLost         ID = "check.lost"          // count, source, what
	CheckNotTapped    ID = "check.not_tapped"    // frame, node
	CheckNoTap        ID = "check.no_tap"        // node
	CheckNoSegments   ID = "check.no_segments"   // connection
	CheckModelPartial ID = "check.model_partial" // why
	CheckNotWhole     ID = "check.not_whole"     // source, why
	CheckConflict     ID = "check.conflict"      // text
	CheckClockStep    ID = "check.clock_step"
	CheckStarved      ID = "check.starved"
	CheckRemedy       ID = "check.remedy" // text of the probe
	CheckRunAgain     ID = "check.run_again"

	// About names.
	CheckNoConnection    ID = "check.no_connection"     // connection
	CheckNoConnectionYet ID = "check.no_connection_yet" // connection, doubt
	CheckNotAnEnd        ID = "check.not_an_end"        // end, opener's node, acceptor's node
	CheckSameNode        ID = "check.same_node"         // node
	CheckSayOpener       ID = "check.say_opener"

	// About segments.
	CheckFrameDiffers ID = "check.frame_differs" // frame, got, want
	CheckFrameExtra   ID = "check.frame_extra"   // frame, got
	CheckFrameMissing ID = "check.frame_missing" // want
	CheckWireAlone    ID = "check.wire_alone"
	CheckFirstFIN     ID = "check.first_fin" // frame, end
	CheckNoFIN        ID = "check.no_fin"
	CheckCountFrames  ID = "check.count_frames"  // first frame
	CheckCountBelow   ID = "check.count_below"   // got, want
	CheckKernelReset  ID = "check.kernel_reset"  // end, state
	CheckKernelSilent ID = "check.kernel_silent" // end, state
	CheckNoReasons    ID = "check.no_reasons"
	CheckNewerKernel  ID = "check.newer_kernel" // release
	CheckKernelAlone  ID = "check.kernel_alone"
	CheckNoCounter    ID = "check.no_counter" // counter, node
	CheckCounterAlone ID = "check.counter_alone"

	// About states.
	CheckStateDiffers   ID = "check.state_differs"   // got, want, event
	CheckStateExtra     ID = "check.state_extra"     // got, event
	CheckStateMissing   ID = "check.state_missing"   // want
	CheckNotObservable  ID = "check.not_observable"  // one state, why
	CheckNotRead        ID = "check.not_read"        //
	CheckCarried        ID = "check.carried"         // frame
	CheckNotCarried     ID = "check.not_carried"     //
	CheckRatioBelow     ID = "check.ratio_below"     // got, wanted at least
	CheckRatioAbove     ID = "check.ratio_above"     // got, wanted at most
	CheckNotJudged      ID = "check.not_judged"      // name, all names
	CheckNotCaught      ID = "check.not_caught"      //
	CheckNotObservables ID = "check.not_observables" // several states, why
	CheckNotWitnessed   ID = "check.not_witnessed"   // state, who should have seen it
	CheckOneClass       ID = "check.one_class"       // states, source
	CheckHolds          ID = "check.holds"           // end, event
	CheckHoldsNot       ID = "check.holds_not"       // end
	CheckNoLook         ID = "check.no_look"         // node

	// About steps.
	CheckStepFailed   ID = "check.step_failed" // error
	CheckStepReply    ID = "check.step_reply"  // code, text, error
	CheckStepWentWell ID = "check.step_went_well"
	CheckStepNotRun   ID = "check.step_not_run"
	CheckStepLeft     ID = "check.step_left" // error
	CheckAwaitStep    ID = "check.await_step"
	CheckStepNotEnded ID = "check.step_not_ended"
	CheckWrongOrder   ID = "check.wrong_order" // later, earlier moment of a duration
	CheckInside       ID = "check.inside"      // server
	CheckStepIs       ID = "check.step_is"     // got, want

	// About time.
	CheckNever     ID = "check.never"      // moment
	CheckNotSure   ID = "check.not_sure"   // moment, why
	CheckReversed  ID = "check.reversed"   // later moment, its ms, earlier moment, its ms
	CheckSameTime  ID = "check.same_time"  // two moments
	CheckTooClose  ID = "check.too_close"  // two moments, uncertainty
	CheckTooShort  ID = "check.too_short"  // got, bound
	CheckTooLong   ID = "check.too_long"   // got, bound
	CheckInBetween ID = "check.in_between" // shortest, longest
)

// checkTexts is what this part of the house says.
var checkTexts = texts{
	CheckRunCutShort: {"the run ended before its window was closed", "运行在观察窗口结束之前就中断了"},
	CheckNotDrained:  {"the record has no end: the run stopped before its probes were drained", "记录没有结尾：探针尚未取完数据，运行就停止了"},

	CheckRefused:      {"%[1]s refused (%[2]s)", "%[1]s 被拒绝（%[2]s）"},
	CheckAbsent:       {"%[1]s did not run", "%[1]s 没有运行"},
	CheckOnlySampling: {"%[1]s only sample", "%[1]s 只是抽样查看"},
	CheckOnlySampled:  {"%[1]s was only sampled, by %[2]s", "%[1]s 只被 %[2]s 抽样看到"},
	CheckAnd:          {"%[1]s; %[2]s", "%[1]s；%[2]s"},
	CheckLost:         {"%[1]d records of %[2]s were lost (%[3]s)", "%[2]s 丢失了 %[1]d 条记录（%[3]s）"},
	CheckNotTapped:    {"frame %[1]d was not seen leaving %[2]s", "没有看到第 %[1]d 帧从 %[2]s 发出"},
	CheckNoTap:        {"the wire was not captured at %[1]s", "%[1]s 一端没有抓包"},
	CheckNoReasons:    {"this kernel does not say why it sends a RST", "这个内核不说明发送 RST 的原因"},
	CheckNewerKernel:  {"boot Linux %[1]s or later", "请使用 Linux %[1]s 或更新的内核"},
	CheckKernelAlone:  {"on the kernel's own word: nobody else can know the reason", "仅凭内核自己的说法：别的观察者无从得知原因"},
	CheckNoCounter:    {"counter %[1]s of node %[2]s was not read: this kernel may not have it", "没有读到节点 %[2]s 的计数器 %[1]s：这个内核可能没有它"},
	CheckCounterAlone: {"on the kernel's own count", "仅凭内核自己的计数"},
	CheckNoSegments:   {"no segment of %[1]s was captured", "没有抓到 %[1]s 的任何报文段"},
	CheckModelPartial: {"the model could not follow it (%[1]s)", "模型无法跟踪（%[1]s）"},
	CheckNotWhole:     {"%[1]s did not record all of it (%[2]s)", "%[1]s 没有记录完整（%[2]s）"},
	CheckConflict:     {"the observers contradict each other (%[1]s)", "观察者相互冲突（%[1]s）"},
	CheckClockStep:    {"the clock was set during the run", "运行期间系统时钟被调整过"},
	CheckStarved:      {"the machine kept the run waiting", "机器繁忙，运行曾被耽搁"},
	CheckRemedy:       {"%[1]s", "%[1]s"},
	CheckRunAgain:     {"run it again, on a machine with less to do", "在空闲一些的机器上重新运行"},

	CheckNoConnection:    {"there was no connection %[1]s", "没有出现连接 %[1]s"},
	CheckNoConnectionYet: {"no connection %[1]s was seen: %[2]s", "没有看到连接 %[1]s：%[2]s"},
	CheckNotAnEnd:        {"%[1]s is not an end of this connection: they are %[2]s and %[3]s", "%[1]s 不是该连接的端点：它的两端是 %[2]s 和 %[3]s"},
	CheckSameNode:        {"both ends are on %[1]s", "两端都在 %[1]s 上"},
	CheckSayOpener:       {`say "opener" or "acceptor" instead of the node`, "请用 opener 或 acceptor 代替节点名"},

	CheckFrameDiffers: {"frame %[1]d is %[2]s where %[3]s was wanted", "第 %[1]d 帧是 %[2]s，而预期是 %[3]s"},
	CheckFrameExtra:   {"frame %[1]d is %[2]s where nothing more was wanted", "第 %[1]d 帧是 %[2]s，而预期到此为止"},
	CheckFrameMissing: {"nothing came where %[1]s was wanted", "预期 %[1]s，却什么也没有来"},
	CheckWireAlone:    {"only the wire can see it; it was recorded there", "只有线路上能看到；线路已完整记录"},
	CheckFirstFIN:     {"frame %[1]d is the first FIN, sent by %[2]s", "第 %[1]d 帧是第一个 FIN，由 %[2]s 发出"},
	CheckNoFIN:        {"nobody sent FIN", "没有一端发送 FIN"},
	CheckCountFrames:  {"the first is frame %[1]d", "第一个是第 %[1]d 帧"},
	CheckCountBelow:   {"%[1]s where %[2]s was wanted", "实际为 %[1]s，而预期是 %[2]s"},
	CheckKernelReset:  {"bpf saw %[1]s leave %[2]s for CLOSED, yet no RST was captured", "bpf 看到 %[1]s 从 %[2]s 直接进入 CLOSED，却没有抓到 RST"},
	CheckKernelSilent: {"bpf recorded %[1]s whole and did not see its %[2]s", "bpf 完整记录了 %[1]s，却没有看到它的 %[2]s"},

	CheckStateDiffers:   {"%[1]s where %[2]s was wanted (e%[3]d)", "出现 %[1]s，而预期是 %[2]s（e%[3]d）"},
	CheckStateExtra:     {"%[1]s where nothing more was wanted (e%[2]d)", "出现 %[1]s，而预期到此为止（e%[2]d）"},
	CheckStateMissing:   {"%[1]s was never entered", "从未进入 %[1]s"},
	CheckNotObservable:  {"%[1]s was not observable: %[2]s", "无法观察到 %[1]s：%[2]s"},
	CheckNotRead:        {"the capture was not read to its end, layer by layer", "没有逐层读完抓到的全部帧"},
	CheckCarried:        {"frame %[1]d of the capture is made up so", "抓包的第 %[1]d 帧就是这样构成的"},
	CheckNotCarried:     {"no frame is made up so, and the capture was read to its end", "没有这样构成的帧，而抓包已全部读完"},
	CheckRatioBelow:     {"%[1]s times as long, where at least %[2]d times was wanted", "是 %[1]s 倍，预期至少 %[2]d 倍"},
	CheckRatioAbove:     {"%[1]s times as long, where at most %[2]d times was wanted", "是 %[1]s 倍，预期至多 %[2]d 倍"},
	CheckNotJudged:      {"no expectation %[1]s was judged; there were: %[2]s", "没有名为 %[1]s 的预期；有：%[2]s"},
	CheckNotCaught:      {"it holds all the same: it does not notice what was changed", "它仍然成立：没有察觉所作的改动"},
	CheckNotObservables: {"%[1]s were not observable: %[2]s", "无法观察到 %[1]s：%[2]s"},
	CheckNotWitnessed:   {"%[2]s could have seen %[1]s, and did not", "%[2]s 本应看到 %[1]s，却没有看到"},
	CheckOneClass:       {"%[1]s: by %[2]s alone", "%[1]s：只有 %[2]s 看到"},
	CheckHolds:          {"%[1]s entered TIME-WAIT (e%[2]d)", "%[1]s 进入了 TIME-WAIT（e%[2]d）"},
	CheckHoldsNot:       {"%[1]s did not enter TIME-WAIT", "%[1]s 没有进入 TIME-WAIT"},
	CheckNoLook:         {"nobody looked at %[1]s after the close", "关闭之后没有人查看过 %[1]s"},

	CheckStepFailed:   {"the step failed: %[1]s", "步骤失败：%[1]s"},
	CheckStepReply:    {"the step failed: %[1]d %[2]s", "步骤失败：%[1]d %[2]s"},
	CheckStepWentWell: {"the step went well; it was meant to fail", "步骤成功了，而它本应失败"},
	CheckStepNotRun:   {"the step did not run", "步骤没有执行"},
	CheckStepLeft:     {"it was netlab that ended the step, not what was tried: %[1]s", "步骤是被 netlab 结束的，并非所尝试的操作自行失败：%[1]s"},
	CheckAwaitStep:    {"a wait step for it, with a timeout that is longer than its own", "为它添加 wait 步骤，其 timeout 要长于该步骤自身的时限"},
	CheckStepNotEnded: {"the step did not end", "步骤没有结束"},
	CheckWrongOrder:   {"%[1]q came before %[2]q", "%[1]q 先于 %[2]q"},
	CheckInside:       {"connections to %[1]s inside its own node pass no link and cannot be counted", "%[1]s 所在节点内部的连接不经过任何链路，无法计数"},
	CheckStepIs:       {"%[1]s where %[2]s was wanted", "实际为 %[1]s，而预期是 %[2]s"},

	CheckNever:     {`"%[1]s" never happened`, "“%[1]s”从未发生"},
	CheckNotSure:   {`"%[1]s" was not seen: %[2]s`, "没有看到“%[1]s”：%[2]s"},
	CheckReversed:  {`"%[1]s" (%[2]s) came before "%[3]s" (%[4]s)`, "“%[1]s”（%[2]s）先于“%[3]s”（%[4]s）"},
	CheckSameTime:  {`"%[1]s" and "%[2]s" are one moment`, "“%[1]s”和“%[2]s”是同一时刻"},
	CheckTooClose:  {`"%[1]s" and "%[2]s" are nearer to each other than the clocks can tell (%[3]s)`, "“%[1]s”和“%[2]s”之间的间隔小于时钟的误差（%[3]s）"},
	CheckTooShort:  {"%[1]s is shorter than %[2]s", "%[1]s 短于 %[2]s"},
	CheckTooLong:   {"%[1]s is longer than %[2]s", "%[1]s 长于 %[2]s"},
	CheckInBetween: {"it took between %[1]s and %[2]s", "耗时在 %[1]s 与 %[2]s 之间"},
}

// A List is an argument of a Message: names, joined as the language joins
// them.
type List []string

// In returns the names joined.
func (l List) In(lang Lang) string {
	if len(l) == 0 {
		return ""
	}
	comma, and := ", ", " and "
	if lang == Chinese {
		comma, and = "、", " 和 "
	}
	last := l[len(l)-1]
	if len(l) == 1 {
		return last
	}
	return strings.Join(l[:len(l)-1], comma) + and + last
}
