package words

// What the judge says about changes that proxies are to make.
const (
	CheckNotMade ID = "check.not_made" // proxy, change
	CheckPlace   ID = "check.place"
)

// editTexts is what is said of them.
var editTexts = texts{
	CheckNotMade: {"proxy %[1]s never made its %[2]s: the place did not come on any connection, so what was to be tried was not tried", "代理 %[1]s 从未执行 %[2]s：任何连接中都没有出现那个位置，因此要试的东西并没有试到"},
	CheckPlace:   {"compare its of, after and text with what passes: record: on writes that into the node's log", "请把它的 of、after 和 text 与实际经过的数据对照：record: on 会把数据写进节点的日志"},
}
