package words

// What netlab step says: the command, its screen, and scripts.
const (
	HelpStep       ID = "help.step"
	HelpStepLong   ID = "help.step.long"
	HelpStepScript ID = "help.step.script"
	HelpStepResend ID = "help.step.resend"
	StepBadResend  ID = "step.bad_resend" // duration, bounds
	HelpStepTimes  ID = "help.step.times"

	StepNoTerminal ID = "step.no_terminal"
	StepOneOnly    ID = "step.one_only" // file, variants

	StepEmptyText   ID = "step.empty_text"
	StepBadWord     ID = "step.bad_word" // what is there, words
	StepBadPort     ID = "step.bad_port"
	StepNoMatch     ID = "step.no_match"
	StepOpenText    ID = "step.open_text"
	StepBadEscape   ID = "step.bad_escape"
	StepNoNode      ID = "step.no_node"     // node, nodes
	StepScriptLong  ID = "step.script_long" // script, bytes
	StepLineLong    ID = "step.line_long"
	StepAtLine      ID = "step.at_line" // script, line, error
	StepRunTo       ID = "step.run_to"
	StepNothingMore ID = "step.nothing_more"
	StepBadVerb     ID = "step.bad_verb" // what is there, verbs
	StepBadWithin   ID = "step.bad_within"
	StepBadExpect   ID = "step.bad_expect"
	StepBadCount    ID = "step.bad_count"
	StepBadState    ID = "step.bad_state" // what is there, states

	StepUnmet       ID = "step.unmet"       // script, line, command, why, what there is
	StepUnmetTime   ID = "step.unmet_time"  // duration
	StepUnmetEnded  ID = "step.unmet_ended" //
	StepThereIs     ID = "step.there_is"    // frames
	StepNoneWait    ID = "step.none_wait"
	StepStates      ID = "step.states" // states of ends
	StepMoreWait    ID = "step.more_wait"
	StepIndented    ID = "step.indented"     // what there is
	StepIndentedTwo ID = "step.indented_two" // likewise, in two lines

	StepPassed     ID = "step.passed"
	StepDropped    ID = "step.dropped"
	StepDuplicated ID = "step.duplicated"
	StepWaits      ID = "step.waits"
	StepHolds      ID = "step.holds"
	StepSaidEnds   ID = "step.said_ends"
	StepSaidDone   ID = "step.said_done"
	StepSaidFrames ID = "step.said_frames"

	StepBroken         ID = "step.broken"
	StepEnded          ID = "step.ended"
	StepRunning        ID = "step.running"
	StepRunningTo      ID = "step.running_to" // match
	StepStopped        ID = "step.stopped"
	StepRefused        ID = "step.refused" // error
	StepNoConnection   ID = "step.no_connection"
	StepListens        ID = "step.listens"
	StepNoSocket       ID = "step.no_socket"
	StepQueues         ID = "step.queues"   // bytes, bytes
	StepTimer          ID = "step.timer"    // name
	StepTimerIn        ID = "step.timer_in" // what, duration
	StepTimerOn        ID = "step.timer_on"
	StepTimerKeepAlive ID = "step.timer_keepalive"
	StepTimerTimeWait  ID = "step.timer_timewait"
	StepTimerPersist   ID = "step.timer_persist"
	StepWaiting        ID = "step.waiting" // how many
	StepHelpHead       ID = "step.help_head"
	StepNoFrame        ID = "step.no_frame"
	StepFrameHead      ID = "step.frame_head" // number, link
	StepFrameOn        ID = "step.frame_on"   // link
	StepHeldBy         ID = "step.held_by"    // rule
	StepLadder         ID = "step.ladder"
	StepLadderOf       ID = "step.ladder_of" // ordinal, how many, route

	StepWillGo   ID = "step.will_go"   // node, states
	StepWillStay ID = "step.will_stay" // node, state
	StepAnswers  ID = "step.answers"   // prediction, answer
	StepNoAnswer ID = "step.no_answer" // prediction
	StepOnward   ID = "step.onward"    // node, prediction
	StepSection  ID = "step.section"   // section, why

	StepAsk          ID = "step.ask"
	StepAskLeave     ID = "step.ask_leave"
	StepSayDone      ID = "step.say_done"
	StepSayRunning   ID = "step.say_running"
	StepSayWorking   ID = "step.say_working"
	StepSayNone      ID = "step.say_none"   // what is waited for
	StepSayResend    ID = "step.say_resend" // node, duration
	StepSayFailed    ID = "step.say_failed" // step, error
	StepSayBroken    ID = "step.say_broken" // error
	StepSayKept      ID = "step.say_kept"   // rule
	StepSayHeld      ID = "step.say_held"   // rule
	StepSeconds      ID = "step.seconds"
	StepMilliseconds ID = "step.milliseconds"
	StepTwice        ID = "step.twice"

	StepAwaitsRule       ID = "step.awaits_rule"   // rule, times
	StepAwaitsStep       ID = "step.awaits_step"   // step
	StepAwaitsTime       ID = "step.awaits_time"   // duration
	StepAwaitsStates     ID = "step.awaits_states" // states
	StepAwaitsRest       ID = "step.awaits_rest"
	StepAwaitsConnection ID = "step.awaits_connection" // listener
	StepAwaitsEnd        ID = "step.awaits_end"        // session
	StepAwaitsData       ID = "step.awaits_data"       // session

	StepGivenUp      ID = "step.given_up" // step
	StepGivenUpFirst ID = "step.given_up_first"
	StepGivenUpFix   ID = "step.given_up_fix"
	StepKeysAsking   ID = "step.keys_asking" // what was asked for last
	StepKeysNone     ID = "step.keys_asking_none"
	StepKeyNext      ID = "step.key_next"
	StepKeyDrop      ID = "step.key_drop"
	StepKeyTwice     ID = "step.key_twice"
	StepKeyRunTo     ID = "step.key_run_to"
	StepKeyRun       ID = "step.key_run"
	StepKeyChoose    ID = "step.key_choose"
	StepKeyTab       ID = "step.key_tab"
	StepKeyHelp      ID = "step.key_help"
	StepKeyQuit      ID = "step.key_quit"
	StepHelp         ID = "step.help" // words

	StepIPv4         ID = "step.ipv4" // source, destination, TTL, bytes
	StepIPv6         ID = "step.ipv6" // source, destination, hop limit, bytes of payload
	StepDontFragment ID = "step.dont_fragment"
	StepFragment     ID = "step.fragment" // offset
	StepMalformed    ID = "step.malformed"
	StepOptions      ID = "step.options"
	StepPayload      ID = "step.payload"
	StepFlagSYN      ID = "step.flag_syn"
	StepFlagSYNACK   ID = "step.flag_synack"
	StepFlagFIN      ID = "step.flag_fin"
	StepFlagRST      ID = "step.flag_rst"
	StepFlagPSH      ID = "step.flag_psh"
	StepFlagURG      ID = "step.flag_urg"
	StepFlagECE      ID = "step.flag_ece"
	StepFlagCWR      ID = "step.flag_cwr"
	StepFlagACK      ID = "step.flag_ack" // number
	StepBadSum       ID = "step.bad_sum"
	StepSemicolon    ID = "step.semicolon"
	StepNumbers      ID = "step.numbers" // seq and ack, window
	StepOptionMSS    ID = "step.option_mss"
	StepOptionScale  ID = "step.option_scale" // factor, shift
	StepOptionSACK   ID = "step.option_sack"
	StepOptionBlocks ID = "step.option_blocks"
	StepOptionTime   ID = "step.option_time"
	StepOptionOther  ID = "step.option_other" // kind, data
	StepBytes        ID = "step.bytes"
)

// stepTexts is what it says. Its screen is measured in cells: it has no
// characters of which terminals disagree how wide they are.
var stepTexts = texts{
	HelpStep: {"Single-step a lab, frame by frame", "逐帧单步执行一个实验"},
	HelpStepLong: {`Run one scenario while every frame waits until you let it on. The screen shows
both ends, the frames that wait, what is in them, and what RFC 9293 says happens
next; ? explains the keys. At the end the report is printed, as netlab run does.

With --script a text drives it, one command a line, and a transcript is printed:

  next [MATCH]              wait for a frame that matches, and let it on
  drop [MATCH]              likewise, and drop it
  duplicate [MATCH]         likewise, and let it on twice
  wait [MATCH]              wait for one, and leave it
  run to MATCH              let frames on until one that matches waits, and nothing
                            that the same end sent before it
  run                       let everything on until the scenario has ended
  expect NODE[:PORT] STATE  wait until that end is in the state, as FIN-WAIT-1
  expect waiting N          wait until exactly so many frames wait
  expect done               wait until the scenario has ended
  show                      print what the screen shows
  quit                      give the run up

MATCH is [NODE[:PORT]] [WORD] [/TEXT/]: client FIN, DATA, server:21 /221 /. The
words are SYN, SYN+ACK, ACK (that alone), DATA (any payload), FIN (any FIN), FIN+ACK
(the first to acknowledge the peer's FIN), DATA+FIN, RST, TCP, UDP, ICMP, ARP, ND and
ANY. Without it the first frame that waits is meant. A line that waits may end in
"within 5s"; it is 10s otherwise. What follows a # is a comment. Behind the last line
everything goes on, as by run, and the report follows.

Time stands still as far as it can: what waits is not sent again for two minutes (ten
seconds where the scenario itself loses segments), and nothing of netlab's own runs out.
TIME-WAIT lasts its 60s all the same, and SYNs are sent again after 1s.

Exit codes are those of netlab run; 1 also if a line of the script got not what it
wanted, 3 if the run was given up.`,
		`运行一个场景，每一帧都停下，直到您放行。屏幕上显示连接两端、等待的帧及其内容，
以及 RFC 9293 规定接下来会发生什么；按 ? 查看各键的说明。结束时与 netlab run 一样
打印报告。

给出 --script 时由文本驱动，每行一条命令，并打印执行记录：

  next [匹配]               等待一个匹配的帧，放行
  drop [匹配]               同上，但丢弃它
  duplicate [匹配]          同上，但放行两次
  wait [匹配]               等待一个匹配的帧，不动它
  run to 匹配               放行各帧，直到有匹配的帧在等待，且同一端更早发出的都已放行
  run                       放行一切，直到场景结束
  expect 节点[:端口] 状态   等到该端处于此状态，例如 FIN-WAIT-1
  expect waiting N          等到恰好有 N 个帧在等待
  expect done               等到场景结束
  show                      打印屏幕上的内容
  quit                      放弃运行

匹配写作 [节点[:端口]] [词] [/文本/]，例如：client FIN、DATA、server:21 /221 /。词有
SYN、SYN+ACK、ACK（仅此而已）、DATA（任何载荷）、FIN（任何 FIN）、FIN+ACK（首个确认
对方 FIN 的 FIN）、DATA+FIN、RST、TCP、UDP、ICMP、ARP、ND 和 ANY。不写匹配时指第一个
等待的帧。需要等待的行可以以 "within 5s" 结尾，否则最多等 10 秒。# 之后是注释。
最后一行之后，一切继续前进（同 run），然后给出报告。

时间尽可能停住：等待的帧两分钟内不会重传（场景自己丢弃报文段时为十秒），netlab 自己的
任何期限都不会到期。但 TIME-WAIT 仍然只持续 60 秒，SYN 仍在 1 秒后重传。

退出码与 netlab run 相同；脚本的某一行没有得到所要的结果时也为 1，放弃运行时为 3。`},
	HelpStepScript: {"take commands from `FILE`, - for the standard input, instead of a terminal", "从 `FILE` 读取命令（- 表示标准输入），不使用终端"},
	HelpStepResend: {"the least `TIME` before a segment is sent again; usually 2m, or 10s where the scenario itself loses segments", "报文段重传前至少经过的时间（`TIME`）；通常为 2m，场景自己丢弃报文段时为 10s"},
	StepBadResend:  {"--resend %[1]s: from %[2]s to %[3]s, in whole milliseconds", "--resend %[1]s：应在 %[2]s 到 %[3]s 之间，为整毫秒"},
	HelpStepTimes:  {"with --script: print what differs from run to run, too, and where the time went", "与 --script 合用：也打印每次运行都不同的内容，以及各阶段用时"},

	StepNoTerminal: {"netlab step needs a terminal\n  fix: give it commands with --script FILE", "netlab step 需要终端\n  解决：用 --script FILE 给出命令"},
	StepOneOnly:    {"%[1]s: one run is stepped at a time: choose one variant of %[2]s", "%[1]s：一次只能单步执行一个：请从 %[2]s 中选择一个变体"},

	StepEmptyText:   {"there is no text between the slashes", "两条斜线之间没有文本"},
	StepBadWord:     {"%[1]q is neither a node nor a word here; a match is [NODE[:PORT]] [WORD] [/TEXT/], with one of %[2]s", "%[1]q 在这里既不是节点也不是词；匹配写作 [节点[:端口]] [词] [/文本/]，词为 %[2]s 之一"},
	StepBadPort:     {"port %[1]q: it must be from 1 to 65535", "端口 %[1]q：必须在 1 到 65535 之间"},
	StepNoMatch:     {"it is not said which frame", "没有说明是哪个帧"},
	StepOpenText:    {"%[1]q: the second slash is missing", "%[1]q：缺少第二条斜线"},
	StepBadEscape:   {"%[1]q: a backslash that means nothing", "%[1]q：反斜线没有意义"},
	StepNoNode:      {"there is no node %[1]q; the lab has: %[2]s", "没有节点 %[1]q；实验中有：%[2]s"},
	StepScriptLong:  {"%[1]s: more than %[2]d bytes", "%[1]s：超过 %[2]d 字节"},
	StepLineLong:    {"more than %[1]d bytes", "超过 %[1]d 字节"},
	StepAtLine:      {"%[1]s:%[2]d: %[3]s", "%[1]s:%[2]d：%[3]s"},
	StepRunTo:       {"%[1]q: after run comes nothing, or to MATCH", "%[1]q：run 之后为空，或写 to 和匹配"},
	StepNothingMore: {"nothing follows %[1]s", "%[1]s 之后没有其他内容"},
	StepBadVerb:     {"%[1]q is no command; allowed: %[2]s", "%[1]q 不是命令；可用：%[2]s"},
	StepBadWithin:   {"within %[1]q: a duration such as 5s ends the line", "within %[1]q：行末应是时长，例如 5s"},
	StepBadExpect:   {"after expect comes NODE[:PORT] STATE, waiting N, or done", "expect 之后写 节点[:端口] 状态、waiting N 或 done"},
	StepBadCount:    {"waiting %[1]q: a number of frames is wanted", "waiting %[1]q：应是帧的个数"},
	StepBadState:    {"%[1]q is no state of RFC 9293; allowed: %[2]s", "%[1]q 不是 RFC 9293 的状态；可用：%[2]s"},

	StepUnmet:       {"%[1]s:%[2]d: %[3]s: %[4]s%[5]s", "%[1]s:%[2]d：%[3]s：%[4]s%[5]s"},
	StepUnmetTime:   {"not within %[1]s", "%[1]s 内没有发生"},
	StepUnmetEnded:  {"the scenario has ended without it", "场景已经结束，仍没有发生"},
	StepThereIs:     {"waiting: %[1]s", "等待的帧：%[1]s"},
	StepNoneWait:    {"none", "无"},
	StepStates:      {"states: %[1]s", "状态：%[1]s"},
	StepMoreWait:    {"and %[1]d more", "还有 %[1]d 个"},
	StepIndented:    {"\n  %[1]s", "\n  %[1]s"},
	StepIndentedTwo: {"%[1]s\n  %[2]s", "%[1]s\n  %[2]s"},

	StepPassed:     {"passed", "放行"},
	StepDropped:    {"dropped", "丢弃"},
	StepDuplicated: {"duplicated", "重复"},
	StepWaits:      {"waits", "等待"},
	StepHolds:      {"holds", "成立"},
	StepSaidEnds:   {"ends", "两端"},
	StepSaidDone:   {"ended", "结束"},
	StepSaidFrames: {"%[1]d frames", "%[1]d 个帧"},

	StepBroken:         {"broken off", "已中断"},
	StepEnded:          {"ended", "已结束"},
	StepRunning:        {"running", "运行中"},
	StepRunningTo:      {"running to %[1]s", "运行到 %[1]s"},
	StepStopped:        {"stopped", "已停下"},
	StepRefused:        {"it could not be done: %[1]s", "无法完成：%[1]s"},
	StepNoConnection:   {"no connection yet", "还没有连接"},
	StepListens:        {"a listener; no socket of its own yet", "监听中；尚无自己的套接字"},
	StepNoSocket:       {"no socket", "没有套接字"},
	StepQueues:         {"unread %[1]d  unacked %[2]d", "未读 %[1]d  未确认 %[2]d"},
	StepTimer:          {"timer %[1]s", "定时器 %[1]s"},
	StepTimerIn:        {"%[1]s in %[2]s", "%[2]s 后%[1]s"},
	StepTimerOn:        {"resend", "重传"},
	StepTimerKeepAlive: {"keepalive", "保活探测"},
	StepTimerTimeWait:  {"end", "结束"},
	StepTimerPersist:   {"probe", "窗口探测"},
	StepWaiting:        {"frames that wait: %[1]d", "等待的帧：%[1]d"},
	StepHelpHead:       {"help", "帮助"},
	StepNoFrame:        {"no frame", "没有帧"},
	StepFrameHead:      {"frame %[1]d on %[2]s", "%[2]s 上的第 %[1]d 帧"},
	StepFrameOn:        {"frame on %[1]s", "%[1]s 上的帧"},
	StepHeldBy:         {"held by rule %[1]s", "由规则 %[1]s 截留"},
	StepLadder:         {"ladder", "时序图"},
	StepLadderOf:       {"ladder of connection %[1]d of %[2]d: %[3]s", "连接 %[1]d（共 %[2]d 个）的时序图：%[3]s"},

	StepWillGo:   {"%[1]s: %[2]s", "%[1]s：%[2]s"},
	StepWillStay: {"%[1]s stays in %[2]s", "%[1]s 保持 %[2]s"},
	StepAnswers:  {"%[1]s; it answers with %[2]s", "%[1]s；以 %[2]s 应答"},
	StepNoAnswer: {"%[1]s; no answer", "%[1]s；不应答"},
	StepOnward:   {"%[1]s sends it on; then %[2]s", "%[1]s 转发；然后 %[2]s"},
	StepSection:  {"section %[1]s: %[2]s", "第 %[1]s 节：%[2]s"},

	StepAsk:          {"run to (client FIN, DATA, /text/): ", "运行到（client FIN、DATA、/文本/）："},
	StepAskLeave:     {"Not at its end. q again: give it up, unjudged; R: run to the end; else: stay", "尚未结束。再按 q：放弃，不作判定；R：运行到结束；其他键：留下"},
	StepSayDone:      {"The scenario has ended: q leaves and shows the report", "场景已结束：按 q 离开并显示报告"},
	StepSayRunning:   {"any key stops", "按任意键停下"},
	StepSayWorking:   {"the lab is at work", "实验正在进行"},
	StepSayNone:      {"No frame waits: %[1]s", "没有等待的帧：%[1]s"},
	StepSayResend:    {"No frame waits: %[1]s sends again in %[2]s", "没有等待的帧：%[1]s 在 %[2]s后重传"},
	StepSayFailed:    {"%[1]s failed: %[2]s", "%[1]s 失败：%[2]s"},
	StepSayBroken:    {"The run cannot go on; q leaves: %[1]s", "运行无法继续；按 q 离开：%[1]s"},
	StepSayKept:      {"any key stops   What waits is held by rule %[1]s until the scenario lets it go", "按任意键停下   等待的帧由规则 %[1]s 截留，直到场景放行"},
	StepSayHeld:      {"The scenario will let it go, by rule %[1]s; n lets it on now", "场景会按规则 %[1]s 放行；按 n 立即放行"},
	StepSeconds:      {"%[1]d s", "%[1]d 秒"},
	StepMilliseconds: {"%[1]d ms", "%[1]d 毫秒"},
	StepTwice:        {"twice", "两份"},

	StepAwaitsRule:       {"The scenario waits until rule %[1]s has matched %[2]d in all", "场景等待规则 %[1]s 共匹配 %[2]d 次"},
	StepAwaitsStep:       {"The scenario waits for the end of step %[1]s", "场景等待步骤 %[1]s 结束"},
	StepAwaitsTime:       {"The scenario waits for %[1]s", "场景等待 %[1]s"},
	StepAwaitsStates:     {"The scenario waits for %[1]s", "场景等待 %[1]s"},
	StepAwaitsRest:       {"The scenario waits until everything is at rest", "场景等待一切静止"},
	StepAwaitsConnection: {"The scenario waits for a connection to %[1]s", "场景等待到 %[1]s 的连接"},
	StepAwaitsEnd:        {"The scenario waits for the end of what %[1]s receives", "场景等待 %[1]s 接收完毕"},
	StepAwaitsData:       {"The scenario waits for data on %[1]s", "场景等待 %[1]s 上的数据"},

	StepGivenUp:      {"given up at %[1]s: the scenario had not ended, so nothing is judged", "在 %[1]s 处放弃：场景尚未结束，因此不作判定"},
	StepGivenUpFirst: {"given up before the first step: nothing is judged", "在第一个步骤之前放弃：不作判定"},
	StepGivenUpFix:   {"R lets everything on until the end (in a script: run)", "R 放行一切直到结束（脚本中写 run）"},
	StepKeysAsking:   {"enter: run to it   esc: back   empty: again %[1]s", "回车：运行到此   esc：返回   留空：再次 %[1]s"},
	StepKeysNone:     {"enter: run to it   esc: back", "回车：运行到此   esc：返回"},
	StepKeyNext:      {"n next", "n 放行"},
	StepKeyDrop:      {"d drop", "d 丢弃"},
	StepKeyTwice:     {"D twice", "D 重复"},
	StepKeyRunTo:     {"r run to", "r 运行到"},
	StepKeyRun:       {"R run", "R 运行"},
	StepKeyChoose:    {"up/down", "上/下"},
	StepKeyTab:       {"tab other", "tab 其他"},
	StepKeyHelp:      {"? help", "? 帮助"},
	StepKeyQuit:      {"q quit", "q 退出"},
	StepHelp: {`n, enter  let the chosen frame on
d         drop it
D         duplicate it: let it on twice
r         run to: let frames on until one that matches waits
R         run: let everything on until the end
up, down  choose a frame
tab       the next connection: its ends, its ladder
pgup/dn   scroll the ladder
q         leave: at the end with the report, else the run is given up
^C        break off the run
Arrows: --> arrived   -.. waits or is on its way   ..- arrives   --x lost
x3: sent three times while it waited; again: repeats what was sent before
A frame is called by one word, as in reports: FIN+ACK is the FIN that is the
first to acknowledge the peer's FIN. The flags of its header are in < >.
A match is [NODE[:PORT]] [WORD] [/TEXT/]; FIN is any FIN, DATA any payload:
%[1]s`, `n、回车   放行选中的帧
d         丢弃它
D         重复：放行两次
r         运行到：放行各帧，直到有匹配的帧在等待
R         运行：放行一切，直到结束
上、下    选择帧
tab       下一个连接：它的两端和时序图
pgup/dn   滚动时序图
q         离开：结束后给出报告，否则放弃运行
^C        中断运行
箭头：--> 已到达   -.. 等待或在途   ..- 到达   --x 丢失
x3：等待期间共发送三次；重传：重复以前发送过的
帧用一个词称呼，与报告相同：FIN+ACK 是首个确认对方 FIN 的 FIN。首部的标志位
写在 < > 中。
匹配写作 [节点[:端口]] [词] [/文本/]；FIN 指任何 FIN，DATA 指任何载荷：
%[1]s`},

	StepIPv4:         {"%[1]s -> %[2]s, TTL %[3]d, %[4]d bytes", "%[1]s -> %[2]s, TTL %[3]d, %[4]d 字节"},
	StepIPv6:         {"%[1]s -> %[2]s, hop limit %[3]d, payload %[4]d bytes", "%[1]s -> %[2]s, 跳数限制 %[3]d, 载荷 %[4]d 字节"},
	StepDontFragment: {"do not fragment", "禁止分片（DF）"},
	StepFragment:     {"a fragment, from byte %[1]d on", "分片，从第 %[1]d 字节起"},
	StepMalformed:    {"unreadable", "无法解读"},
	StepOptions:      {"options", "选项"},
	StepPayload:      {"payload", "载荷"},
	StepFlagSYN:      {"asks for a connection", "请求建立连接"},
	StepFlagSYNACK:   {"agrees to the connection", "同意建立连接"},
	StepFlagFIN:      {"has no more to send", "没有更多数据要发送"},
	StepFlagRST:      {"the connection is no more", "连接作废"},
	StepFlagPSH:      {"hand it over now", "立即交付"},
	StepFlagURG:      {"there is urgent data", "有紧急数据"},
	StepFlagECE:      {"congestion echo", "拥塞回显"},
	StepFlagCWR:      {"window reduced", "窗口已减小"},
	StepFlagACK:      {"has all before %[1]s", "%[1]s 之前的都已收到"},
	StepBadSum:       {"the checksum is wrong", "校验和错误"},
	StepSemicolon:    {"; ", "；"},
	StepNumbers:      {"%[1]s  window %[2]d", "%[1]s  窗口 %[2]d"},
	StepOptionMSS:    {"MSS %[1]d", "MSS %[1]d"},
	StepOptionScale:  {"window scale x%[1]d (%[2]d)", "窗口扩大 x%[1]d (%[2]d)"},
	StepOptionSACK:   {"SACK permitted", "允许 SACK"},
	StepOptionBlocks: {"SACK blocks: %[1]d", "SACK 块：%[1]d"},
	StepOptionTime:   {"timestamps", "时间戳"},
	StepOptionOther:  {"option %[1]d 0x%[2]s", "选项 %[1]d 0x%[2]s"},
	StepBytes:        {"%[1]d bytes", "%[1]d 字节"},
}
