package words

// What is said of HTTP and TLS.
const HelpNoSecrets ID = "help.run.no_secrets"

var webTexts = texts{
	HelpNoSecrets: {"do not keep the secrets of our own TLS sessions", "不保存我们自己的 TLS 会话的密钥"},
}
