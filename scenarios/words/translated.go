package words

// What the reports say of nodes between the ends of a connection.
const (
	ReportTranslated ID = "report.translated" // node and port
	ReportForged     ID = "report.forged"     // node
)

var translatedTexts = texts{
	ReportTranslated: {"(nat: %[1]s)", "（地址转换：%[1]s）"},
	ReportForged:     {"RST by %[1]s", "RST，%[1]s 代发"},
}
