#include "support/cmocka.h"

#include "node/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define HEX64 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#define HUB "http://127.0.0.1:8080/hf/"

struct good {
	const char *text;
	enum repo_type type;
	const char *repo, *revision, *path;
};

static const struct good goods[] = {
	{"ORG/NAME", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"gpt2", REPO_MODEL, "gpt2", "main", NULL},
	{"ORG/NAME@v1.0", REPO_MODEL, "ORG/NAME", "v1.0", NULL},
	{"ORG/NAME:a b.txt", REPO_MODEL, "ORG/NAME", "main", "a b.txt"},
	{"ORG/NAME@v1.0:dir/model.safetensors", REPO_MODEL, "ORG/NAME", "v1.0", "dir/model.safetensors"},
	{"ORG/NAME:odd@name:x", REPO_MODEL, "ORG/NAME", "main", "odd@name:x"},
	{"ORG/NAME@refs/pr/1:x", REPO_MODEL, "ORG/NAME", "refs/pr/1", "x"},
	{"ORG/NAME@feature/x", REPO_MODEL, "ORG/NAME", "feature/x", NULL},
	{"ORG/NAME@0123456789ABCDEF0123456789abcdef01234567", REPO_MODEL, "ORG/NAME", COMMIT, NULL},
	{"ORG/NAME/", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"datasets/ORG/NAME@main:data/x.parquet", REPO_DATASET, "ORG/NAME", "main", "data/x.parquet"},
	{"datasets/squad", REPO_DATASET, "squad", "main", NULL},
	{"spaces/ORG/NAME", REPO_SPACE, "ORG/NAME", "main", NULL},
	{"models/ORG/NAME", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"hf://ORG/NAME", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"hf://ORG/NAME@v1.0/dir/model.safetensors", REPO_MODEL, "ORG/NAME", "v1.0", "dir/model.safetensors"},
	{"hf://ORG/NAME/dir/a@b", REPO_MODEL, "ORG/NAME", "main", "dir/a@b"},
	{"hf://gpt2@main/config.json", REPO_MODEL, "gpt2", "main", "config.json"},
	{"hf://gpt2", REPO_MODEL, "gpt2", "main", NULL},
	{"hf://datasets/ORG/NAME@refs/convert/parquet/a/0.parquet", REPO_DATASET, "ORG/NAME", "refs/convert/parquet", "a/0.parquet"},
	{"hf://datasets/ORG/NAME@refs%2Fpr%2F12/x", REPO_DATASET, "ORG/NAME", "refs/pr/12", "x"},
	{"https://huggingface.co/ORG/NAME", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"https://huggingface.co/ORG/NAME/", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"https://huggingface.co/ORG/NAME?library=transformers", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"https://huggingface.co/ORG/NAME/tree/main", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"https://huggingface.co/ORG/NAME/tree/refs%2Fpr%2F1", REPO_MODEL, "ORG/NAME", "refs/pr/1", NULL},
	{"https://huggingface.co/ORG/NAME/resolve/v1.0/dir/model.safetensors", REPO_MODEL, "ORG/NAME", "v1.0", "dir/model.safetensors"},
	{"https://huggingface.co/ORG/NAME/resolve/v1.0/a%20b?download=true", REPO_MODEL, "ORG/NAME", "v1.0", "a b"},
	{"https://huggingface.co/ORG/NAME/blob/refs%2Fpr%2F1/x#L3", REPO_MODEL, "ORG/NAME", "refs/pr/1", "x"},
	{"https://huggingface.co/ORG/NAME/blob/refs/pr/1/x", REPO_MODEL, "ORG/NAME", "refs/pr/1", "x"},
	{"https://huggingface.co/gpt2/raw/main/config.json", REPO_MODEL, "gpt2", "main", "config.json"},
	{"https://huggingface.co/gpt2/tree/main", REPO_MODEL, "gpt2", "main", NULL},
	{"https://huggingface.co/datasets/ORG/NAME/blob/main/x", REPO_DATASET, "ORG/NAME", "main", "x"},
	{"http://127.0.0.1:8080/hf/ORG/NAME/resolve/main/x", REPO_MODEL, "ORG/NAME", "main", "x"},
	{"http://127.0.0.1:8080/hf/ORG/NAME/blob/main/a b", REPO_MODEL, "ORG/NAME", "main", "a b"},
	{"http://127.0.0.1:8080/hfx/NAME", REPO_MODEL, "hfx/NAME", "main", NULL},
	{"HTTPS://HuggingFace.co:443/ORG/NAME", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"http://www.huggingface.co/hf/NAME", REPO_MODEL, "hf/NAME", "main", NULL},
	{"https://hf.co/ORG/NAME", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"huggingface.co/ORG/NAME", REPO_MODEL, "ORG/NAME", "main", NULL},
	{"hf.co/spaces/ORG/NAME", REPO_SPACE, "ORG/NAME", "main", NULL},
};

static const char *const bads[] = {
	"", "/", "@", ":", "ORG/", "/NAME", "ORG/NAME:", "ORG/NAME@", "ORG/NAME@:x", "ORG//NAME", "datasets/", "ORG/NAME/file.bin", "ORG/NA ME", "ORG/..",
	"../NAME", "./NAME", "ORG/NA--ME", "-ORG/NAME", "ORG/NAME:../x", "ORG/NAME:/etc/passwd", "ORG/NAME:a/../b", "ORG/NAME:a//b", "ORG/NAME:a/",
	"ORG/NAME@a..b", "ORG/NAME@../x", "ORG/NAME@/x", "ORG/NAME@a b", "ORG/NAME@a*", "ORG/NAME:a\nb", "sha256:12", "sha256:", "models/datasets/x", "hf://hf.co/x", COMMIT, HEX64 "0", "git-sha1:" HEX64,
	"hf://", "hf:///x", "hf://ORG/NAME@", "hf://ORG/NAME@/x", "hf://ORG/NAME@a%2", "hf://ORG/NAME/../x", "https://", "https://huggingface.co",
	"https://huggingface.co/", "https://huggingface.co?x", "http://127.0.0.1:8080/hf", "http://127.0.0.1:8080/hf/", "http:///ORG/NAME", "https://a b/ORG/NAME",
	"https://huggingface.co.example/ORG/NAME", "https://huggingface.co:8443/ORG/NAME", "https://huggingface.co@example/ORG/NAME", "http://127.0.0.1:8081/hf/ORG/NAME",
	"https://huggingface.co/ORG/NAME/resolve", "https://huggingface.co/ORG/NAME/resolve/main",
	"https://huggingface.co/ORG/NAME/resolve/main/", "https://huggingface.co/ORG/NAME/discussions/4", "https://huggingface.co/ORG/NAME/tree/main/onnx",
	"https://huggingface.co/ORG/NAME/resolve/main/a%00b", "https://huggingface.co/ORG/NAME/resolve/main/a%zz",
	"https://huggingface.co/ORG/NAME/resolve/main/%2e%2e/x", "https://huggingface.co/ORG/NAME/resolve/..%2f/x",
};

static void good_names_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
		struct name name = {0};
		struct why why = {0};
		if (name_parse(goods[i].text, HUB, &name, &why) != ERR_OK)
			fail_msg("%s: %s", goods[i].text, why.text);
		assert_int_equal(name.digest.algorithm, DIGEST_NONE);
		assert_int_equal(name.type, goods[i].type);
		assert_string_equal(name.repo, goods[i].repo);
		assert_string_equal(name.revision, goods[i].revision);
		if (goods[i].path)
			assert_string_equal(name.path, goods[i].path);
		else
			assert_null(name.path);
		name_release(&name);
	}
}

static void bad_names_are_refused_with_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
		struct name name = {.type = REPO_SPACE};
		struct why why = {0};
		if (name_parse(bads[i], HUB, &name, &why) != ERR_USAGE)
			fail_msg("\"%s\" was taken", bads[i]);
		assert_string_not_equal(why.text, "");
		assert_int_equal(name.type, REPO_SPACE); /* untouched */
		assert_null(name.repo);
	}
}

static void digests_are_names(void **state)
{
	static const char *const texts[] = {"sha256:" HEX64, HEX64};
	struct name name = {0};
	char text[DIGEST_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(name_parse(texts[i], NULL, &name, NULL), ERR_OK);
		assert_string_equal(digest_text(&name.digest, text), "sha256:" HEX64);
		assert_null(name.repo);
		name_release(&name);
	}
	assert_int_equal(name_parse("git-sha1:" COMMIT, NULL, &name, NULL), ERR_OK);
	assert_int_equal(name.digest.algorithm, DIGEST_GIT_SHA1);
}

static void a_file_written_as_a_directory_gets_the_right_form(void **state)
{
	struct name name = {0};
	struct why why = {0};

	(void)state;
	assert_int_equal(name_parse("ORG/NAME/dir/x.bin", NULL, &name, &why), ERR_USAGE);
	assert_non_null(strstr(why.text, "ORG/NAME:dir/x.bin"));
	assert_int_equal(name_parse("/etc/passwd", NULL, &name, &why), ERR_USAGE);
	assert_null(strstr(why.text, "/etc:passwd"));
	assert_int_equal(name_parse("https://huggingface.co/ORG/NAME/tree/main/onnx", NULL, &name, &why), ERR_USAGE);
	assert_non_null(strstr(why.text, "ORG/NAME@main 'onnx/*'"));
}

static void addresses_elsewhere_are_refused(void **state)
{
	struct name name = {0};
	struct why why = {0};

	(void)state;
	assert_int_equal(name_parse("http://example:81/ORG/NAME", HUB, &name, &why), ERR_USAGE);
	assert_non_null(strstr(why.text, "huggingface.co, hf.co and of the hub in use, 127.0.0.1:8080"));
	assert_non_null(strstr(why.text, "--hub http://example:81"));
	assert_int_equal(name_parse("https://mirror/ORG/NAME", NULL, &name, &why), ERR_USAGE);
	assert_non_null(strstr(why.text, "only addresses at huggingface.co, hf.co are understood"));
	assert_int_equal(name_parse("https://mirror/ORG/NAME", "https://huggingface.co", &name, &why), ERR_USAGE);
	assert_non_null(strstr(why.text, "only addresses at huggingface.co, hf.co are understood"));
	assert_int_equal(name_parse("https://mirror/ORG/NAME", "https://mirror", &name, &why), ERR_OK);
	name_release(&name);
}

static void a_name_too_long_is_refused(void **state)
{
	char *text = malloc(NAME_TEXT_MAX + 2);
	struct name name = {0};

	(void)state;
	assert_non_null(text);
	memset(text, 'a', NAME_TEXT_MAX + 1);
	text[NAME_TEXT_MAX + 1] = 0;
	assert_int_equal(name_parse(text, NULL, &name, NULL), ERR_USAGE);
	free(text);
}

static void repo_text_carries_the_type(void **state)
{
	struct name name = {.type = REPO_DATASET, .repo = strdup("ORG/NAME")};
	char *text = name_repo_text(&name);

	(void)state;
	assert_string_equal(text, "datasets/ORG/NAME");
	free(text);
	name_release(&name);
}

static void commits_are_told_from_branches(void **state)
{
	(void)state;
	assert_true(name_is_commit(COMMIT));
	assert_false(name_is_commit("main"));
	assert_false(name_is_commit(COMMIT "0"));
	assert_false(name_is_commit("0123456789ABCDEF0123456789abcdef01234567"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names_are_understood),
		cmocka_unit_test(bad_names_are_refused_with_a_sentence),
		cmocka_unit_test(digests_are_names),
		cmocka_unit_test(a_file_written_as_a_directory_gets_the_right_form),
		cmocka_unit_test(addresses_elsewhere_are_refused),
		cmocka_unit_test(a_name_too_long_is_refused),
		cmocka_unit_test(repo_text_carries_the_type),
		cmocka_unit_test(commits_are_told_from_branches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
