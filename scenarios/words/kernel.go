package words

// What the kernel told of connections beside their states: what it kept them
// as, why it sent a RST; and how many segments a close takes.
const (
	ReportKeptAs   ID = "report.kept_as"
	ReportKeptGone ID = "report.kept_gone" // time
	ReportKept     ID = "report.kept"      // end, objects
	ReportReset    ID = "report.reset"     // end, why
	ReportSays     ID = "report.says"      // end, the kernel's reason
	ReportResetBy  ID = "report.reset_by"

	ReportUnreadData     ID = "report.reset_unread_data"
	ReportLingerZero     ID = "report.reset_linger_zero"
	ReportAborted        ID = "report.reset_aborted"
	ReportListenerClosed ID = "report.reset_listener_closed"
	ReportDestroyed      ID = "report.reset_destroyed"
	ReportLateData       ID = "report.reset_late_data"
	ReportLingerTwo      ID = "report.reset_linger_two"
	ReportKeepalive      ID = "report.reset_unanswered"
	ReportTimedOut       ID = "report.reset_timed_out"
	ReportNobodyListens  ID = "report.reset_nobody_listens"
	ReportNoConnection   ID = "report.reset_no_connection"
	ReportBadACK         ID = "report.reset_bad_ack"
	ReportBadSYN         ID = "report.reset_bad_syn"
	ReportQueueFull      ID = "report.reset_queue_full"
	ReportOldSegment     ID = "report.reset_old_segment"
	ReportNoMemory       ID = "report.reset_no_memory"

	ReportClosing     ID = "report.closing"      // why, how many
	ReportForeseen    ID = "report.foreseen"     // segments
	ReportOtherwise   ID = "report.otherwise"    // segments that came, and that were foreseen
	ReportEither      ID = "report.either"       // segments
	ReportFINsCrossed ID = "report.fins_crossed" // how the rules of a Closing are said
	ReportAcksAtOnce  ID = "report.acks_at_once" // second end
	ReportMuchToAck   ID = "report.much_to_ack"  // second end
	ReportBeforeDue   ID = "report.before_due"   // second end, after, first end, due, why
	ReportAfterDue    ID = "report.after_due"    // likewise
	ReportAboutDue    ID = "report.about_due"    // likewise
	ReportHadData     ID = "report.had_data"
	ReportHadNoData   ID = "report.had_no_data"
)

var kernelTexts = texts{
	ReportKeptGone: {"gone %[1]s", "消失 %[1]s"},
	ReportKeptAs:   {"kept as", "内核对象"},
	ReportKept:     {"%[1]s: %[2]s", "%[1]s：%[2]s"},
	ReportReset:    {"%[1]s sent a RST: %[2]s.", "%[1]s 发送 RST：%[2]s。"},
	ReportSays:     {"the kernel says %[1]s", "内核给出的原因是 %[1]s"},
	ReportResetBy:  {"%[1]s (%[2]s)", "%[1]s（%[2]s）"},

	ReportUnreadData:     {"its program closed with data that it had not read", "程序关闭时还有数据没有读取"},
	ReportLingerZero:     {"its program closed with SO_LINGER 0, an ABORT", "程序设置了 SO_LINGER 0 后关闭，即 ABORT"},
	ReportAborted:        {"its program aborted the connection", "程序中止了连接"},
	ReportListenerClosed: {"its listener closed, and nobody had accepted it", "监听套接字已关闭，而这个连接还没有被接受"},
	ReportDestroyed:      {"it was destroyed from outside, as ss -K does", "套接字被外部销毁（例如 ss -K）"},
	ReportLateData:       {"data came after its program had closed", "程序关闭之后又有数据到达"},
	ReportLingerTwo:      {"its program did not want FIN-WAIT-2 to last (TCP_LINGER2)", "程序不让 FIN-WAIT-2 停留（TCP_LINGER2）"},
	ReportKeepalive:      {"its keepalives were not answered", "保活探测没有得到应答"},
	ReportTimedOut:       {"what it had sent was not acknowledged for too long", "已发送的数据太久没有得到确认"},
	ReportNobodyListens:  {"nobody listens at the port", "该端口上没有监听者"},
	ReportNoConnection:   {"there was no such connection any more", "这个连接已经不存在"},
	ReportBadACK:         {"what came acknowledges what was never sent", "到达的报文段确认了从未发送过的序号"},
	ReportBadSYN:         {"another SYN came in SYN-RECEIVED", "在 SYN-RECEIVED 中又收到另一个 SYN"},
	ReportQueueFull:      {"the listener's queue was full (tcp_abort_on_overflow)", "监听队列已满（tcp_abort_on_overflow）"},
	ReportOldSegment:     {"a segment came that TIME-WAIT could make no sense of", "到达的报文段在 TIME-WAIT 中无法解释"},
	ReportNoMemory:       {"there were too many orphaned sockets, or there was too little memory", "孤儿套接字太多，或者内存不足"},

	ReportClosing:     {"closing", "关闭"},
	ReportForeseen:    {"%[1]d segments, as foreseen: %[2]s.", "%[1]d 个报文段，与预测一致：%[2]s。"},
	ReportOtherwise:   {"%[1]d segments, where %[3]d were foreseen: %[2]s.", "%[1]d 个报文段，而预测为 %[3]d 个：%[2]s。"},
	ReportEither:      {"%[1]d segments, 3 or 4 were foreseen: %[2]s.", "%[1]d 个报文段，预测为 3 个或 4 个：%[2]s。"},
	ReportFINsCrossed: {"both had sent their FIN before the other's came", "双方都在对端的 FIN 到达之前发出了自己的 FIN"},
	ReportAcksAtOnce:  {"%[1]s acknowledges every segment at once", "%[1]s 对每个报文段立即确认"},
	ReportMuchToAck:   {"more than one full segment waited for %[1]s's ACK, so it did not hold that back", "等待 %[1]s 确认的数据超过一个满长报文段，因此它不推迟 ACK"},
	ReportBeforeDue:   {"%[1]s closed %[2]s after %[3]s's FIN came, before its delayed ACK was due (%[4]s, %[5]s)", "%[1]s 在 %[3]s 的 FIN 到达后 %[2]s 关闭，早于延迟 ACK 的时限（%[4]s，%[5]s）"},
	ReportAfterDue:    {"%[1]s closed %[2]s after %[3]s's FIN came, when its delayed ACK was overdue (%[4]s, %[5]s)", "%[1]s 在 %[3]s 的 FIN 到达后 %[2]s 关闭，晚于延迟 ACK 的时限（%[4]s，%[5]s）"},
	ReportAboutDue:    {"%[1]s closed %[2]s after %[3]s's FIN came, about when its delayed ACK was due (%[4]s, %[5]s)", "%[1]s 在 %[3]s 的 FIN 到达后 %[2]s 关闭，正值延迟 ACK 的时限（%[4]s，%[5]s）"},
	ReportHadData:     {"as it had received data", "因为它收到过数据"},
	ReportHadNoData:   {"as it had never received data", "因为它从未收到过数据"},
}
