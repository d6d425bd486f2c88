package words

// Where observers may disagree, in words: the notes of a timeline.
const (
	ReportHandOver       ID = "report.note_hand_over"
	ReportDeadSocket     ID = "report.note_dead_socket"
	ReportNotSampled     ID = "report.note_not_sampled"
	ReportRequestNote    ID = "report.note_request_socket"
	ReportThirdACK       ID = "report.note_third_ack"
	ReportFINQueued      ID = "report.note_fin_queued"
	ReportNoteTwo        ID = "report.note_two"
	ReportResetNoTarget  ID = "report.note_reset_no_target"
	ReportOrphanFinWait2 ID = "report.note_orphan_finwait2"
	ReportNotDelivered   ID = "report.note_not_delivered"
	ReportResetByData    ID = "report.note_reset_by_data"
	ReportFastOpen       ID = "report.note_fast_open"
	ReportSYNCookie      ID = "report.note_syn_cookie"
	ReportQueueOverflow  ID = "report.note_queue_overflow"
	ReportNotKept        ID = "report.note_not_kept"
	ReportResetIgnored   ID = "report.note_reset_ignored"
	ReportOffloaded      ID = "report.note_offloaded"
	ReportMiddlebox      ID = "report.note_middlebox"
)

// noteTexts is what is said of them, after the name of an end and a colon.
var noteTexts = texts{
	ReportHandOver:       {"the full socket is gone; a smaller one keeps TIME-WAIT.", "完整的套接字已经消失，由一个精简的套接字保持 TIME-WAIT。"},
	ReportDeadSocket:     {"beside its TIME-WAIT a CLOSED socket is listed: its descriptor is still open.", "在 TIME-WAIT 之外还列有一个 CLOSED 套接字：描述符尚未关闭。"},
	ReportNotSampled:     {"those who look now and then (D, S) did not see every state.", "不时查看的观察者（D、S）没有看到每个状态。"},
	ReportRequestNote:    {"SYN-RECEIVED is a request socket; the listener stays in LISTEN.", "SYN-RECEIVED 是请求套接字，监听套接字一直处于 LISTEN。"},
	ReportThirdACK:       {"the other end is ESTABLISHED already; the ACK of the SYN has not come here.", "对端已经 ESTABLISHED，对 SYN 的 ACK 尚未到达这一端。"},
	ReportFINQueued:      {"the state begins before the FIN is sent: what is to go before it waits.", "进入该状态时 FIN 尚未发出：它之前的数据还在等待发送。"},
	ReportNoteTwo:        {"one segment acknowledges the FIN and brings the other's: FIN-WAIT-2 does not last (RFC 9293, figure 5, note 2).", "同一个报文段既确认了 FIN，又带来对端的 FIN：FIN-WAIT-2 不会停留（RFC 9293 图 5 注 2）。"},
	ReportResetNoTarget:  {"a RST came that no full socket took.", "到达的 RST 没有完整的套接字接收。"},
	ReportOrphanFinWait2: {"its program has closed; a smaller socket keeps FIN-WAIT-2.", "程序已经关闭，由一个精简的套接字保持 FIN-WAIT-2。"},
	ReportNotDelivered:   {"a segment arrived where it is captured, and was dropped before TCP.", "有报文段到达了抓包处，但在 TCP 之前被丢弃。"},
	ReportResetByData:    {"its socket ended as if a RST had come; none came, but data after it had shut down.", "套接字像收到 RST 一样终止；没有 RST 到达，而是在它关闭之后又来了数据。"},
	ReportFastOpen:       {"the socket was there with the SYN already (TCP Fast Open, RFC 7413): there was no request socket.", "收到 SYN 时就有了完整的套接字（TCP Fast Open，RFC 7413），没有请求套接字。"},
	ReportSYNCookie:      {"nothing was kept of the SYN but a cookie in the answer's number: there was no request socket.", "对 SYN 只在应答的序号里留下一个 cookie，没有请求套接字。"},
	ReportQueueOverflow:  {"a SYN came and was not answered: the listener's queue was full, as its counters say.", "SYN 到达却没有应答：计数器表明监听队列已满。"},
	ReportNotKept:        {"no TIME-WAIT: the node had as many as it may keep (tcp_max_tw_buckets).", "没有 TIME-WAIT：节点上的 TIME-WAIT 已达上限（tcp_max_tw_buckets）。"},
	ReportResetIgnored:   {"a RST came in TIME-WAIT and ended nothing (RFC 1337, tcp_rfc1337).", "TIME-WAIT 中收到 RST，但什么也没有结束（RFC 1337，tcp_rfc1337）。"},
	ReportOffloaded:      {"the capture shows segments that the interface was to cut, or to sum, yet.", "抓到的报文段还要由网卡切分或计算校验和。"},
	ReportMiddlebox:      {"a connection tracker on the way has states of its own; they are not those of an end.", "途中的连接跟踪器有它自己的状态，与两端的状态不同。"},
}
