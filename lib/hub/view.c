/* SPDX-License-Identifier: MIT */
#include "hub/view.h"

static void put_str(struct jsonw *w, const char *key, struct str s)
{
	jsonw_key(w, key);
	if (s.n)
		jsonw_str(w, s);
	else
		jsonw_null(w);
}

static struct str first_of(struct str a, struct str b, struct str c)
{
	return a.n ? a : b.n ? b : c;
}

static void put_url(struct jsonw *w, const char *key, const struct mod_view *v,
		    struct str url)
{
	char room[2048];
	struct str mount = v->row ? module_mount(v->row) : STR_NULL;
	bool vault = v->known && str_is(v->short_name, "vault");

	if (url.n)
		url = module_url(url, mount, vault, room, sizeof room);
	put_str(w, key, url);
}

static void put_field(struct jsonw *w, const char *as, const struct json *ui,
		      const char *key)
{
	struct str s = STR_NULL;

	json_str(json_get(ui, key), &s);
	put_str(w, as, s);
}

static void put_uis(struct jsonw *w, const struct mod_view *v)
{
	const struct json *uis = v->row ? json_get(v->row->json, "uis") : NULL;
	struct str status = STR_NULL;

	jsonw_key(w, "uis");
	jsonw_array(w);
	JSON_EACH(ui, uis) {
		jsonw_object(w);
		jsonw_key(w, "name");
		jsonw_str(w, ui->key);
		put_field(w, "display_name", ui, "displayName");
		put_field(w, "path", ui, "path");
		put_field(w, "tagline", ui, "tagline");
		put_field(w, "icon_url", ui, "iconUrl");
		put_field(w, "version", ui, "version");
		put_field(w, "oauth_client_id", ui, "oauthClientId");
		status = STR_NULL;
		json_str(json_get(ui, "status"), &status);
		if (str_is(status, "pending-oauth"))
			status = STR("pending");
		else if (str_is(status, "disabled"))
			status = STR("inactive");
		put_str(w, "status", status);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void put_supervision(struct jsonw *w, const struct mod_view *v)
{
	const struct mod_state *s = v->state;

	jsonw_key(w, "supervisor_status");
	jsonw_cstr(w, s ? status_name(s->status) : NULL);
	jsonw_key(w, "pid");
	if (s && s->pid)
		jsonw_int(w, s->pid);
	else
		jsonw_null(w);
	jsonw_key(w, "supervisor_start_error");
	if (s && s->error.type)
		start_error_write(w, &s->error);
	else
		jsonw_null(w);
}

/* What we say beyond the reference: nothing of it in its place. */
static void put_ours(struct jsonw *w, const struct mod_view *v)
{
	jsonw_key(w, "state");
	if (v->state)
		state_write(w, v->state);
	else
		jsonw_null(w);
	jsonw_key(w, "port");
	if (v->port)
		jsonw_int(w, v->port);
	else
		jsonw_null(w);
	jsonw_key(w, "listening");
	if (v->listening == LISTEN_UNKNOWN)
		jsonw_null(w);
	else
		jsonw_cstr(w, listening_name(v->listening));
	jsonw_key(w, "restarts");
	if (v->state)
		jsonw_int(w, v->restarts);
	else
		jsonw_null(w);
	jsonw_key(w, "facts");
	facts_write(w, v->facts);
	jsonw_key(w, "status_text");
	jsonw_cstr(w, v->status_text);
	jsonw_key(w, "log_error");
	jsonw_cstr(w, v->log_error);
	if (!v->with_usage)
		return;
	jsonw_key(w, "usage");
	usage_write(w, v->usage);
}

/* What lies on disk; the row only remembers. */
static struct str version_of(const struct mod_view *v)
{
	if (!v->row)
		return STR_NULL;
	return v->module && v->module->version.n ? v->module->version :
		v->row->version;
}

void mod_view_put(struct jsonw *w, const struct mod_view *v)
{
	const struct manifest *f = v->module ? &v->module->manifest : NULL;
	const struct known *k = v->known;
	struct str none = STR_NULL;

	jsonw_key(w, "short");
	jsonw_str(w, v->short_name);
	put_str(w, "package", str_of(k ? k->package : NULL));
	put_str(w, "display_name",
		first_of(f ? f->display_name : none,
			 v->row ? v->row->display_name : none,
			 k ? str_of(k->display_name) : v->short_name));
	jsonw_key(w, "tagline");
	jsonw_str(w, first_of(f ? f->tagline : none,
			      v->row ? v->row->tagline : none,
			      str_of(k && k->tagline ? k->tagline : "")));
	jsonw_key(w, "available");
	jsonw_bool(w, true);
	jsonw_key(w, "installed");
	jsonw_bool(w, v->row != NULL);
	put_str(w, "installed_version", version_of(v));
	put_str(w, "latest_version", none);
	put_supervision(w, v);
	put_str(w, "install_dir", v->row ? v->row->install_dir : none);
	put_uis(w, v);
	put_url(w, "management_url", v,
		f ? first_of(f->management_url, f->ui_url, none) : none);
	put_url(w, "config_ui_url", v, f ? f->config_ui_url : none);
	jsonw_key(w, "focus");
	jsonw_cstr(w, known_focus_name(k ? k->focus : FOCUS_EXPERIMENTAL));
	jsonw_key(w, "available_to_install");
	jsonw_bool(w, k && k->focus != FOCUS_DEPRECATED);
	jsonw_key(w, "upgrade_available");      /* nobody was asked */
	jsonw_bool(w, false);
	put_ours(w, v);
}

void mod_view_write(struct jsonw *w, const struct mod_view *v)
{
	jsonw_object(w);
	mod_view_put(w, v);
	jsonw_end(w);
}

void mod_view_write_status(struct jsonw *w, const struct mod_view *v)
{
	jsonw_object(w);
	jsonw_key(w, "short");
	jsonw_str(w, v->short_name);
	put_str(w, "installed_version", version_of(v));
	put_ours(w, v);
	jsonw_end(w);
}

void mod_view_write_short(struct jsonw *w, const struct mod_view *v)
{
	jsonw_object(w);
	jsonw_key(w, "short");
	jsonw_str(w, v->short_name);
	jsonw_key(w, "installed");
	jsonw_bool(w, v->row != NULL);
	put_str(w, "installed_version", version_of(v));
	put_supervision(w, v);
	jsonw_end(w);
}

void problems_write(struct jsonw *w, const struct problems *p)
{
	jsonw_array(w);
	for (size_t i = 0; i < p->n; i++) {
		jsonw_object(w);
		jsonw_key(w, "file");
		jsonw_str(w, p->all[i].file);
		jsonw_key(w, "line");
		jsonw_int(w, p->all[i].line);
		jsonw_key(w, "column");
		jsonw_int(w, p->all[i].column);
		jsonw_key(w, "text");
		jsonw_str(w, p->all[i].text);
		jsonw_key(w, "note");
		jsonw_bool(w, p->all[i].note);
		jsonw_end(w);
	}
	jsonw_end(w);
}
