/* SPDX-License-Identifier: MIT */
#include "sys/screen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TEXT_MAX (1024 * 1024)

bool screen_usable(int out)
{
	const char *term = getenv("TERM");

	return isatty(out) && term && *term && strcmp(term, "dumb") != 0;
}

static bool has_alternate(void)
{
	static const char *const families[] = { "xterm", "screen", "tmux",
		"rxvt", "alacritty", "foot", "kitty", "konsole", "gnome",
		"vte", "wezterm", "putty", "st-", "ghostty", "contour" };
	struct str term = str_of(getenv("TERM"));

	for (size_t i = 0; i < LEN(families); i++)
		if (str_starts(term, str_of(families[i])))
			return true;
	return false;
}

void screen_init(struct screen *s, int in, int out)
{
	*s = (struct screen){ .in = isatty(in) ? in : -1, .out = out,
			      .alternate = has_alternate() };
	buf_init(&s->shown, TEXT_MAX);
}

void screen_release(struct screen *s)
{
	screen_leave(s);
	buf_release(&s->shown);
}

/* A terminal takes what it is given, slowly; one that is gone, nothing. */
static void send(const struct screen *s, struct str text)
{
	while (text.n) {
		ssize_t n = write(s->out, text.p, text.n);

		if (n > 0)
			text = str_skip(text, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = s->out,
					       .events = POLLOUT }, 1, -1);
		else if (n < 0 && errno != EINTR)
			return;
	}
}

static void measure(struct screen *s)
{
	struct winsize w;

	s->rows = 24;
	s->cols = 80;
	if (ioctl(s->out, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col) {
		s->rows = w.ws_row;
		s->cols = w.ws_col;
	}
}

void screen_enter(struct screen *s)
{
	struct termios raw;

	if (s->entered)
		return;
	s->saved = s->in >= 0 && tcgetattr(s->in, &s->before) == 0;
	if (s->saved) {
		raw = s->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		tcsetattr(s->in, TCSADRAIN, &raw);
	}
	s->entered = true;
	if (s->alternate)
		send(s, STR("\033[?1049h"));
	send(s, STR("\033[?25l"));      /* no cursor */
	screen_resized(s);
}

static size_t count_lines(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

void screen_leave(struct screen *s)
{

	if (!s->entered)
		return;
	s->entered = false;
	if (s->alternate) {
		send(s, STR("\033[?25h\033[?1049l"));
	} else {
		/* What stands there stays; the next prompt comes below. */
		size_t n = count_lines(buf_str(&s->shown)) + 1;
		struct buf b;

		buf_init(&b, 64);
		buf_printf(&b, "\033[%zu;1H\033[?25h",
			   n < s->rows ? n : s->rows);
		send(s, buf_str(&b));
		buf_release(&b);
	}
	if (s->saved)
		tcsetattr(s->in, TCSADRAIN, &s->before);
	s->saved = false;
}

void screen_resized(struct screen *s)
{
	measure(s);
	s->stale = true;
}

/* One column for each character that is not a continuation of one. */
static bool is_inner(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* What fits in a row. */
static struct str fit(struct str line, unsigned cols)
{
	unsigned n = 0;

	for (size_t i = 0; i < line.n; i++)
		if (!is_inner(line.p[i]) && n++ == cols)
			return str_take(line, i);
	return line;
}

/* The text as rows of the screen, one a line. */
static void lay_out(const struct screen *s, struct str text, struct buf *out)
{
	size_t lines = count_lines(text), room = s->rows > 1 ? s->rows - 1 : 1;
	struct str line;

	for (size_t i = 0; i < lines && i < room; i++) {
		str_cut(text, '\n', &line, &text);
		if (i + 1 == room && lines > room)
			buf_printf(out, "(%zu more lines)", lines - i);
		else
			buf_put(out, fit(line, s->cols));
		buf_putc(out, '\n');
	}
}

/* From where on the two differ: bytes, and columns before that. */
static size_t same_start(struct str a, struct str b, unsigned *column)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	while (n && ((n < a.n && is_inner(a.p[n])) ||
		     (n < b.n && is_inner(b.p[n]))))
		n--;
	*column = 0;
	for (size_t i = 0; i < n; i++)
		*column += !is_inner(a.p[i]);
	return n;
}

static void change(struct buf *out, size_t row, struct str was, struct str is)
{
	unsigned column;
	size_t same = same_start(was, is, &column);

	if (same == was.n && same == is.n)
		return;
	buf_printf(out, "\033[%zu;%uH", row + 1, column + 1);
	buf_put(out, str_skip(is, same));
	if (same < was.n)
		buf_put(out, STR("\033[K"));
}

void screen_draw(struct screen *s, struct str text)
{
	struct str was, is, old, new;
	struct buf next, out;

	if (!s->entered)
		return;
	buf_init(&next, TEXT_MAX);
	buf_init(&out, 2 * TEXT_MAX);
	lay_out(s, text, &next);
	if (s->stale) {
		buf_put(&out, STR("\033[H\033[2J"));
		buf_reset(&s->shown);
	}
	s->stale = false;
	was = buf_str(&s->shown);
	is = buf_str(&next);
	for (size_t row = 0; was.n || is.n; row++) {
		str_cut(was, '\n', &old, &was);
		str_cut(is, '\n', &new, &is);
		change(&out, row, old, new);
	}
	if (buf_failed(&next) || buf_failed(&out))
		s->stale = true;        /* all of it, next time */
	else
		send(s, buf_str(&out));
	buf_release(&out);
	buf_release(&s->shown);
	s->shown = next;
}

int screen_key(struct screen *s)
{
	unsigned char c;
	ssize_t n;

	if (s->in < 0)
		return -1;
	n = read(s->in, &c, 1);
	if (n == 1)
		return c;
	return n == 0 || errno == EAGAIN || errno == EINTR ? 0 : -1;
}
