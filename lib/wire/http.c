/* SPDX-License-Identifier: MIT */
/*
 * A head is parsed from its start each time more of it has come; the caller
 * decides when that is worth it. Every step below either takes its part off
 * the front of *in, or says that more is needed, or refuses: so what a
 * prefix gets is HTTP_MORE or the final answer, never something else.
 */
#include "wire/http.h"

#include <string.h>

#define LENGTH_MAX INT64_MAX    /* lengths are added to offsets elsewhere */

/* What one head has told so far. */
struct parse {
	struct http_head *h;
	struct str method;      /* response: of its request */
	bool request;
	bool host, length, chunked, close, keep;
	const char *why;
	int status;
};

enum { FINE = 0 };      /* beside HTTP_MORE, HTTP_BAD, HTTP_LONG */

/* RFC 9110 5.6.2: letters, digits and !#$%&'*+-.^_`|~ as a bitmap. */
static bool is_tchar(unsigned char c)
{
	static const uint32_t set[8] = {
		0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff,
	};

	return set[c >> 5] >> (c & 31) & 1;
}

/* 5.5: visible bytes, obs-text, space and tab. */
static bool is_value(unsigned char c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

/* Visible ASCII but '#': a fragment is never sent, the rest browsers do. */
static bool is_target(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* str_span() here, where the compiler can put the predicate inside it. */
static inline struct str span(struct str s, bool (*is)(unsigned char))
{
	size_t n = 0;

	while (n < s.n && is((unsigned char)s.p[n]))
		n++;
	return (struct str){ s.p, n };
}

/*
 * span() of is_value: the bulk of a head, a bearer token above all, is looked
 * at by eights. What may be a control character is left to the single step:
 * of a byte from 0x80 on nothing is said, so no borrow of its neighbour's
 * makes it pass.
 */
static struct str value_span(struct str s)
{
	const uint64_t ones = UINT64_MAX / 255, tops = ones << 7;
	size_t n = 0;
	uint64_t v;

	for (; s.n - n >= sizeof v; n += sizeof v) {
		memcpy(&v, s.p + n, sizeof v);
		if ((v | (v - ones * ' ') | (v + ones)) & tops)
			break;
	}
	return str_take(s, n + span(str_skip(s, n), is_value).n);
}

static int refuse(struct parse *p, int status, const char *why)
{
	p->status = status;
	p->why = why;
	return HTTP_BAD;
}

static int bad(struct parse *p, const char *why)
{
	return refuse(p, 400, why);
}

static int line_end(struct parse *p, struct str *in)
{
	if (!in->n)
		return HTTP_MORE;
	if (in->p[0] == '\n')
		return bad(p, "bare line feed");
	if (in->p[0] != '\r')
		return bad(p, "control or invalid character");
	if (in->n < 2)
		return HTTP_MORE;
	if (in->p[1] != '\n')
		return bad(p, "bare carriage return");
	*in = str_skip(*in, 2);
	return FINE;
}

static int version(struct parse *p, struct str *in)
{
	static const char name[] = "HTTP/1.";
	size_t i;

	for (i = 0; name[i]; i++) {
		if (i >= in->n)
			return HTTP_MORE;
		if (in->p[i] == name[i])
			continue;
		if (name[i] == '1' && is_digit((unsigned char)in->p[i]))
			return refuse(p, 505, "unsupported HTTP version");
		return bad(p, "malformed HTTP version");
	}
	if (i >= in->n)
		return HTTP_MORE;
	if (!is_digit((unsigned char)in->p[i]))
		return bad(p, "malformed HTTP version");
	if (in->p[i] > '1')
		return refuse(p, 505, "unsupported HTTP version");
	p->h->minor = in->p[i] - '0';
	*in = str_skip(*in, i + 1);
	return FINE;
}

static int request_line(struct parse *p, struct str *in)
{
	struct http_head *h = p->h;
	int rc;

	if (in->n && in->p[0] == '\r') {
		rc = line_end(p, in);
		if (rc)
			return rc;
	}
	h->method = span(*in, is_tchar);
	*in = str_skip(*in, h->method.n);
	if (!in->n)
		return HTTP_MORE;
	if (!h->method.n || in->p[0] != ' ')
		return bad(p, "malformed method");
	*in = str_skip(*in, 1);
	h->target = span(*in, is_target);
	*in = str_skip(*in, h->target.n);
	if (!in->n)
		return HTTP_MORE;
	if (!h->target.n || in->p[0] != ' ')
		return bad(p, "malformed request target");
	*in = str_skip(*in, 1);
	rc = version(p, in);
	return rc ? rc : line_end(p, in);
}

/* The space after the code may be missing: small servers leave it out. */
static int status_line(struct parse *p, struct str *in)
{
	struct http_head *h = p->h;
	int rc = version(p, in);

	if (rc)
		return rc;
	if (!in->n)
		return HTTP_MORE;
	if (in->p[0] != ' ')
		return bad(p, "malformed status line");
	*in = str_skip(*in, 1);
	h->status = 0;
	for (int i = 0; i < 3; i++) {
		if (!in->n)
			return HTTP_MORE;
		if (!is_digit((unsigned char)in->p[0]) ||
		    (i == 0 && in->p[0] == '0'))
			return bad(p, "malformed status code");
		h->status = h->status * 10 + (in->p[0] - '0');
		*in = str_skip(*in, 1);
	}
	h->reason = STR_NULL;
	if (in->n && in->p[0] == ' ') {
		*in = str_skip(*in, 1);
		h->reason = span(*in, is_value);
		*in = str_skip(*in, h->reason.n);
	}
	return line_end(p, in);
}

static bool is_host_char(unsigned char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("-._~%!$&'()*+,;=", c));
}

static bool is_ipv6_char(unsigned char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

bool http_is_host(struct str s)
{
	struct str name;

	if (s.n && s.p[0] == '[') {
		name = span(str_skip(s, 1), is_ipv6_char);
		s = str_skip(s, name.n + 1);
		if (!name.n || !s.n || s.p[0] != ']')
			return false;
		s = str_skip(s, 1);
	} else {
		s = str_skip(s, span(s, is_host_char).n);
	}
	if (s.n && s.p[0] == ':') {
		s = str_skip(s, 1);
		s = str_skip(s, span(s, is_digit).n);
	}
	return !s.n;
}

static bool next_token(struct str *list, struct str *token)
{
	if (!list->n)
		return false;
	str_cut(*list, ',', token, list);
	*token = str_trim(*token, " \t");
	return true;
}

static void connection(struct parse *p, struct str list)
{
	struct str token;

	while (next_token(&list, &token)) {
		if (str_eq_nocase(token, STR("close")))
			p->close = true;
		else if (str_eq_nocase(token, STR("keep-alive")))
			p->keep = true;
		else if (str_eq_nocase(token, STR("upgrade")))
			p->h->upgrade = true;
	}
}

static int content_length(struct parse *p, struct str value)
{
	if (p->length)
		return bad(p, "more than one Content-Length");
	if (p->chunked)
		return bad(p, "Content-Length with Transfer-Encoding");
	if (!str_to_u64(value, LENGTH_MAX, &p->h->length))
		return bad(p, "malformed Content-Length");
	p->length = true;
	return FINE;
}

static int transfer_encoding(struct parse *p, struct str value)
{
	if (p->chunked)
		return bad(p, "more than one Transfer-Encoding");
	if (p->length)
		return bad(p, "Content-Length with Transfer-Encoding");
	if (p->h->minor == 0)
		return bad(p, "Transfer-Encoding in HTTP/1.0");
	if (!str_eq_nocase(value, STR("chunked")))
		return refuse(p, 501, "unsupported transfer coding");
	p->chunked = true;
	return FINE;
}

static int host(struct parse *p, struct str value)
{
	if (!p->request)
		return FINE;
	if (p->host)
		return bad(p, "more than one Host");
	if (!http_is_host(value))
		return bad(p, "malformed Host");
	p->host = true;
	p->h->host = value;
	return FINE;
}

/* Fields that shape the message; the length tells most others apart. */
static int field_means(struct parse *p, struct str name, struct str value)
{
	switch (name.n) {
	case 4:
		if (str_eq_nocase(name, STR("host")))
			return host(p, value);
		break;
	case 6:
		if (str_eq_nocase(name, STR("expect")) && p->h->minor)
			p->h->expect_continue =
				str_eq_nocase(value, STR("100-continue"));
		break;
	case 10:
		if (str_eq_nocase(name, STR("connection")))
			connection(p, value);
		break;
	case 14:
		if (str_eq_nocase(name, STR("content-length")))
			return content_length(p, value);
		break;
	case 17:
		if (str_eq_nocase(name, STR("transfer-encoding")))
			return transfer_encoding(p, value);
		break;
	default:
		break;
	}
	return FINE;
}

static struct str trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static const char *name_fault(struct str name, char next)
{
	if (next == '\n')
		return "bare line feed";
	if (next != ' ' && next != '\t')
		return name.n || next != ':' ? "malformed field name" :
		       "empty field name";
	return name.n ? "white space before a colon" : "folded field";
}

static int field(struct parse *p, struct str *in)
{
	struct http_head *h = p->h;
	struct str name = span(*in, is_tchar), value;
	int rc;

	*in = str_skip(*in, name.n);
	if (!in->n)
		return HTTP_MORE;
	if (!name.n || in->p[0] != ':')
		return bad(p, name_fault(name, in->p[0]));
	*in = str_skip(*in, 1);
	value = value_span(*in);
	*in = str_skip(*in, value.n);
	rc = line_end(p, in);
	if (rc)
		return rc;
	if (h->nfields == HTTP_FIELDS_MAX) {
		p->status = 431;
		p->why = "too many fields";
		return HTTP_LONG;
	}
	value = trim(value);
	h->fields[h->nfields++] = (struct http_field){ name, value };
	return field_means(p, name, value);
}

static int fields(struct parse *p, struct str *in)
{
	int rc;

	p->h->nfields = 0;
	while (in->n && in->p[0] != '\r') {
		rc = field(p, in);
		if (rc)
			return rc;
	}
	return line_end(p, in);
}

static void body_of(struct parse *p)
{
	struct http_head *h = p->h;

	h->keep_alive = !p->close && (h->minor || p->keep);
	if (!p->length)
		h->length = 0;
	if (!p->request && (h->status < 200 || h->status == 204 ||
	    h->status == 304 || str_is(p->method, "HEAD") ||
	    (h->status < 300 && str_is(p->method, "CONNECT")))) {
		h->body = HTTP_BODY_NONE;
	} else if (p->chunked) {
		h->body = HTTP_BODY_CHUNKED;
	} else if (p->length) {
		h->body = HTTP_BODY_LENGTH;
	} else if (p->request) {
		h->body = HTTP_BODY_NONE;
	} else {
		h->body = HTTP_BODY_CLOSE;
		h->keep_alive = false;
	}
}

static int head(struct parse *p, struct str all, const char **why)
{
	struct str in = str_take(all, HTTP_HEAD_MAX);
	bool first = true;
	int rc;

	p->h->host = STR_NULL;
	p->h->length = 0;
	p->h->expect_continue = p->h->upgrade = false;
	rc = p->request ? request_line(p, &in) : status_line(p, &in);
	if (!rc) {
		first = false;
		rc = fields(p, &in);
	}
	if (!rc && p->request && p->h->minor && !p->host)
		rc = bad(p, "no Host");
	if (rc == HTTP_MORE && all.n >= HTTP_HEAD_MAX) {
		p->status = first ? 414 : 431;
		p->why = first ? "first line too long" : "head too long";
		rc = HTTP_LONG;
	}
	if (rc) {
		if (rc != HTTP_MORE) {
			p->h->status = p->status;
			if (why)
				*why = p->why;
		}
		return rc;
	}
	body_of(p);
	return (int)((all.n < HTTP_HEAD_MAX ? all.n : HTTP_HEAD_MAX) - in.n);
}

int http_request(struct http_head *h, struct str in, const char **why)
{
	struct parse p = { .h = h, .request = true };

	h->status = 0;
	h->reason = STR_NULL;
	return head(&p, in, why);
}

int http_response(struct http_head *h, struct str in, struct str method,
		  const char **why)
{
	struct parse p = { .h = h, .method = method };

	h->method = h->target = STR_NULL;
	return head(&p, in, why);
}

struct str http_field(const struct http_head *h, const char *name)
{
	struct str want = str_of(name);

	for (size_t i = 0; i < h->nfields; i++)
		if (str_eq_nocase(h->fields[i].name, want))
			return h->fields[i].value;
	return STR_NULL;
}

bool http_has_token(const struct http_head *h, const char *name,
		    const char *token)
{
	struct str want = str_of(name), is = str_of(token), list, one;

	for (size_t i = 0; i < h->nfields; i++) {
		if (!str_eq_nocase(h->fields[i].name, want))
			continue;
		list = h->fields[i].value;
		while (next_token(&list, &one))
			if (str_eq_nocase(one, is))
				return true;
	}
	return false;
}

bool http_is_token(struct str s)
{
	return s.n && span(s, is_tchar).n == s.n;
}

const char *http_reason(int status)
{
	static const struct { int status; const char *reason; } all[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < LEN(all); i++)
		if (all[i].status == status)
			return all[i].reason;
	return "";
}

static bool breaks_line(struct str s)
{
	return str_find(s, '\r') >= 0 || str_find(s, '\n') >= 0 ||
	       str_find(s, '\0') >= 0;
}

void http_put_field(struct buf *b, const char *name, struct str value)
{
	if (!http_is_token(str_of(name)) || breaks_line(value)) {
		b->failed = true;
		return;
	}
	buf_put(b, str_of(name));
	buf_put(b, STR(": "));
	buf_put(b, value);
	buf_put(b, STR("\r\n"));
}

void http_put_chunk(struct buf *b, struct str data)
{
	char digits[2 * sizeof data.n];
	size_t at = sizeof digits, n = data.n;

	if (!n)
		return;
	for (; n; n >>= 4)
		digits[--at] = "0123456789abcdef"[n & 15];
	buf_put(b, (struct str){ digits + at, sizeof digits - at });
	buf_put(b, STR("\r\n"));
	buf_put(b, data);
	buf_put(b, STR("\r\n"));
}

void http_put_last_chunk(struct buf *b)
{
	buf_put(b, STR("0\r\n\r\n"));
}
