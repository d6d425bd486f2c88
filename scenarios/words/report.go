package words

import "strconv"

// What the reports say around names, states, segments and numbers.
const (
	// The head.
	ReportUpIn      ID = "report.up_in"      // duration
	ReportMoreLinks ID = "report.more_links" // count
	ReportRuns      ID = "report.runs"       // count

	// The ladder.
	ReportWhoSaw      ID = "report.who_saw"      // letters and sources
	ReportModel       ID = "report.model"        //
	ReportFrame       ID = "report.frame"        // heading
	ReportSegment     ID = "report.segment"      // heading
	ReportElided      ID = "report.elided"       // frames, what they were
	ReportElidedPlain ID = "report.elided_plain" // count, bytes
	ReportResent      ID = "report.resent"       // count
	ReportAgain       ID = "report.again"        //
	ReportFIN         ID = "report.fin"          // end
	ReportRST         ID = "report.rst"          // end
	ReportRefusal     ID = "report.refusal"      // end
	ReportOpen        ID = "report.open"         //
	ReportUnanswered  ID = "report.unanswered"   //
	ReportUncaptured  ID = "report.uncaptured"   //
	ReportBytes       ID = "report.bytes"        // count
	ReportOneFrame    ID = "report.one_frame"    // number
	ReportFrames      ID = "report.frames"       // numbers
	ReportMoreConns   ID = "report.more_conns"   // count
	ReportRequest     ID = "report.request"      // server
	ReportNote        ID = "report.note"         // end, name of the note
	ReportFullHint    ID = "report.full_hint"    //
	ReportWindowEnd   ID = "report.window_end"   //

	// Verdicts.
	ReportObserved     ID = "report.observed"      // count, of
	ReportBothEnds     ID = "report.both_ends"     //
	ReportGot          ID = "report.got"           //
	ReportWant         ID = "report.want"          //
	ReportOpenVerdict  ID = "report.open_verdict"  // name and what
	ReportWirePasses   ID = "report.wire_passes"   // count
	ReportWirePass     ID = "report.wire_pass"     //
	ReportFix          ID = "report.fix"           // remedy
	ReportStillOpen    ID = "report.still_open"    // connection, duration, ends with their states
	ReportSince        ID = "report.since"         // end, state, seconds
	ReportNoClose      ID = "report.no_close"      // passive end, active end, frame
	ReportSeeClose     ID = "report.see_close"     // setting, condition
	ReportExpectSettle ID = "report.expect_settle" // condition

	// The tail.
	ReportSeenBy       ID = "report.seen_by"      //
	ReportWithout      ID = "report.without"      // sources
	ReportLost         ID = "report.lost"         // count
	ReportConflicts    ID = "report.conflicts"    // count
	ReportSeed         ID = "report.seed"         // seed
	ReportPass         ID = "report.pass"         //
	ReportFail         ID = "report.fail"         //
	ReportInconclusive ID = "report.inconclusive" //
	ReportError        ID = "report.error"        //
	ReportDone         ID = "report.done"         //
	ReportNothing      ID = "report.nothing"      //
	ReportAll          ID = "report.all"          // Ratio
	ReportSome         ID = "report.some"         // pass, of
	ReportSomeFail     ID = "report.some_fail"    // count
	ReportSomeOpen     ID = "report.some_open"    // count
	ReportSomeBroken   ID = "report.some_broken"  // count
	ReportRunsFail     ID = "report.runs_fail"    // count
	ReportRunsOpen     ID = "report.runs_open"    // count
	ReportStop         ID = "report.stop"         //
	ReportComma        ID = "report.comma"        //
	ReportColon        ID = "report.colon"        //
	ReportListComma    ID = "report.list_comma"   //
	ReportAllRuns      ID = "report.all_runs"     // Ratio
	ReportSomeRuns     ID = "report.some_runs"    // pass, of
	ReportSentence     ID = "report.sentence"     // finding
	ReportNotAtRest    ID = "report.not_at_rest"  // what else is said, steps
	ReportSeenWith     ID = "report.seen_with"    // finding
	ReportUnsettled    ID = "report.unsettled"    // finding
	ReportCaught       ID = "report.caught"       //
	ReportNotCaught    ID = "report.not_caught"   //
	ReportMutation     ID = "report.mutation"     // name
	ReportRows         ID = "report.rows"         // rows, duration
	ReportMoments      ID = "report.moments"      // how many
	ReportStacks       ID = "report.stacks"       //
	ReportTrue         ID = "report.true"         //
	ReportPartly       ID = "report.partly"       //
	ReportFalse        ID = "report.false"        //
	ReportOpenClaim    ID = "report.open_claim"   //
	ReportCloseBy      ID = "report.close_by"     // connection, first FIN, TIME-WAIT
	ReportNotRun       ID = "report.not_run"      // variants
	ReportVariant      ID = "report.variant"      // name, note
	ReportDirectory    ID = "report.directory"    //
	ReportExit         ID = "report.exit"         // code
	ReportTime         ID = "report.time"         //
	ReportTally        ID = "report.tally"        //
	ReportFirstIn      ID = "report.first_in"     // run
	ReportOf           ID = "report.of"           // pass, of
	ReportJoin         ID = "report.join"         // two sentences
	ReportMedian       ID = "report.median"       // duration
)

// reportTexts is what this part of the house says.
var reportTexts = texts{
	ReportCaught:    {"What must fail here fails: the expectations notice the change.", "应当失败的都失败了：预期察觉到了改动。"},
	ReportNotCaught: {"What must fail here has not.", "应当失败的没有失败。"},
	ReportRows:      {"%[1]d rows in %[2]s", "%[1]d 行，用时 %[2]s"},
	ReportMoments:   {"%[1]d moments, in milliseconds:", "%[1]d 个时刻（毫秒）："},
	ReportStacks:    {"frames  first  layers, the outermost first, with the bytes that each adds", "  帧数   首帧  各层（由外到内）及其字节数"},
	ReportMutation:  {"mutation %[1]s", "变异 %[1]s"},
	ReportUpIn:      {"up in %[1]s", "%[1]s 搭好"},
	ReportMoreLinks: {"... and %[1]d more links: netlab plan shows them", "……另有 %[1]d 条链路：见 netlab plan"},
	ReportRuns:      {"%[1]d runs", "运行 %[1]d 次"},

	ReportWhoSaw:      {"who saw it: %[1]s", "谁看到了：%[1]s"},
	ReportModel:       {"model", "模型"},
	ReportFrame:       {"frame", "帧"},
	ReportSegment:     {"segment", "报文段"},
	ReportElided:      {"... frames %[1]s: %[2]s", "... 帧 %[1]s：%[2]s"},
	ReportElidedPlain: {"%[1]d segments, %[2]d bytes", "%[1]d 个报文段，%[2]d 字节"},
	ReportResent:      {"%[1]d sent again", "%[1]d 个重传"},
	ReportAgain:       {"again", "重传"},
	ReportFIN:         {"%[1]s FIN first", "%[1]s 先发 FIN"},
	ReportRST:         {"reset by %[1]s", "%[1]s 复位"},
	ReportRefusal:     {"refused by %[1]s", "被 %[1]s 拒绝"},
	ReportOpen:        {"not closed", "未关闭"},
	ReportUnanswered:  {"never answered", "没有应答"},
	ReportUncaptured:  {"no segment captured", "没有抓到报文段"},
	ReportBytes:       {"%[1]d bytes", "%[1]d 字节"},
	ReportOneFrame:    {"frame %[1]d", "帧 %[1]d"},
	ReportFrames:      {"frames %[1]s", "帧 %[1]s"},
	ReportMoreConns:   {"... and %[1]d more connections", "……另有 %[1]d 个连接"},
	ReportRequest:     {"a request socket; %[1]s's listener stays in LISTEN.", "请求套接字；%[1]s 的监听套接字一直处于 LISTEN。"},
	ReportNote:        {"%[1]s: %[2]s", "%[1]s：%[2]s"},
	ReportFullHint:    {"--full: every frame", "--full：显示每一帧"},
	ReportWindowEnd:   {"... what follows came after the window and is not judged", "……以下发生在观察窗口之后，不作判定"},

	ReportObserved:     {"%[1]d of %[2]d observed", "看到 %[1]d/%[2]d"},
	ReportBothEnds:     {"wire (both ends)", "线路（两端）"},
	ReportGot:          {"got", "实际"},
	ReportWant:         {"want", "预期"},
	ReportOpenVerdict:  {"inconclusive: %[1]s", "无法判定：%[1]s"},
	ReportWirePasses:   {"%[1]d expectations from the wire pass", "线路上的 %[1]d 项预期成立"},
	ReportWirePass:     {"1 expectation from the wire passes", "线路上的 1 项预期成立"},
	ReportFix:          {"fix: %[1]s", "办法：%[1]s"},
	ReportStillOpen:    {`settle: "%[1]s" still open after %[2]s: %[3]s`, "settle：%[2]s 之后“%[1]s”仍未关闭：%[3]s"},
	ReportSince:        {"%[1]s %[2]s since %[3]s", "%[1]s 自 %[3]s 起处于 %[2]s"},
	ReportNoClose:      {"the %[1]s's program has not called close() after the %[2]s's FIN (frame %[3]d)", "收到 %[2]s 的 FIN（帧 %[3]d）之后，%[1]s 上的程序没有调用 close()"},
	ReportSeeClose:     {"see %[1]s.close, or expect this: %[2]s", "请看 %[1]s.close，或者把它写成预期：%[2]s"},
	ReportExpectSettle: {"or expect this: %[1]s", "或者把它写成预期：%[1]s"},

	ReportSeenBy:       {"seen by", "观察者"},
	ReportWithout:      {"no %[1]s", "缺少 %[1]s"},
	ReportLost:         {"lost %[1]d", "丢失 %[1]d"},
	ReportConflicts:    {"conflicts %[1]d", "冲突 %[1]d"},
	ReportSeed:         {"seed %[1]d", "种子 %[1]d"},
	ReportPass:         {"PASS", "通过"},
	ReportFail:         {"FAIL", "失败"},
	ReportInconclusive: {"INCONCLUSIVE", "无法判定"},
	ReportError:        {"ERROR", "错误"},
	ReportDone:         {"DONE", "完成"},
	ReportNothing:      {"nothing was expected, nothing is judged.", "没有写预期，不作判定。"},
	ReportAll:          {"%[1]s.", "%[1]s 项预期全部成立。"},
	ReportSome:         {"%[1]d of %[2]d pass", "%[2]d 项预期中 %[1]d 项成立"},
	ReportSomeFail:     {", %[1]d fail", "，%[1]d 项不成立"},
	ReportSomeOpen:     {", %[1]d inconclusive", "，%[1]d 项无法判定"},
	ReportSomeBroken:   {", %[1]d error", "，%[1]d 次出错"},
	ReportStop:         {".", "。"},
	ReportComma:        {", ", "，"},
	ReportColon:        {": ", "："},
	ReportListComma:    {", ", "、"},
	ReportAllRuns:      {"%[1]s runs.", "%[1]s 次运行全部成立。"},
	ReportSomeRuns:     {"%[1]d of %[2]d runs pass", "%[2]d 次运行中 %[1]d 次成立"},
	ReportRunsFail:     {", %[1]d fail", "，%[1]d 次不成立"},
	ReportRunsOpen:     {", %[1]d inconclusive", "，%[1]d 次无法判定"},
	ReportSentence:     {"The sentence: %[1]s.", "原句：%[1]s。"},
	ReportNotAtRest:    {"%[1]s, not at rest: %[2]s ran out.", "%[1]s，但未归于静止：%[2]s 超时。"},
	ReportSeenWith:     {"%[1]s (seen with the settings of line 3)", "%[1]s（在第 3 行的设置下观察到）"},
	ReportUnsettled:    {"The finding (%[1]s) was not confirmed.", "没有证实结论（%[1]s）。"},
	ReportTrue:         {"TRUE", "正确"},
	ReportPartly:       {"PARTLY TRUE", "部分正确"},
	ReportFalse:        {"FALSE", "错误"},
	ReportOpenClaim:    {"OPEN", "尚无定论"},
	ReportCloseBy:      {"%[1]s: %[2]s sends FIN first, %[3]s enters TIME-WAIT", "%[1]s：%[2]s 先发 FIN，由 %[3]s 进入 TIME-WAIT"},
	ReportNotRun:       {"not run: %[1]s", "未运行：%[1]s"},
	ReportVariant:      {"%[1]s (%[2]s)", "%[1]s（%[2]s）"},
	ReportDirectory:    {"run directory", "运行目录"},
	ReportExit:         {"exit %[1]d", "退出码 %[1]d"},
	ReportTime:         {"time", "耗时"},
	ReportTally:        {"tally", "统计"},
	ReportFirstIn:      {"first in run %[1]d", "首次见于第 %[1]d 次"},
	ReportOf:           {"%[1]d of %[2]d", "%[1]d/%[2]d"},
	ReportJoin:         {"%[1]s  %[2]s", "%[1]s%[2]s"},
	ReportMedian:       {"median %[1]s", "中位数 %[1]s"},
}

// A Ratio is an argument of a Message: all of N.
type Ratio int

// In returns "8 of 8"; in Chinese, where "all" follows, 8.
func (n Ratio) In(lang Lang) string {
	if lang == Chinese {
		return strconv.Itoa(int(n))
	}
	return strconv.Itoa(int(n)) + " of " + strconv.Itoa(int(n))
}
