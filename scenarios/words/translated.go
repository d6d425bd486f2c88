package words

// What the reports say of nodes between the ends of a connection.
const (
	ReportTranslated  ID = "report.translated"  // node and port
	ReportForged      ID = "report.forged"      // node
	ReportUndelivered ID = "report.undelivered" // node
)

var translatedTexts = texts{
	ReportTranslated:  {"(nat: %[1]s)", "（地址转换：%[1]s）"},
	ReportUndelivered: {"arrived at %[1]s, and was dropped there before TCP saw it.", "到达了 %[1]s，但在交给 TCP 之前被丢弃。"},
	ReportForged:      {"RST by %[1]s", "RST，%[1]s 代发"},
}
