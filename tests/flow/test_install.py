"""cmake --install over a configuration that somebody edited."""
import os
import shutil
import subprocess

from lib.gateway import BUILD, ROOT, built


def install(prefix, before="/nonexistent"):
    script = os.path.join(ROOT, "gateway", "dist", "install_fragments.cmake")
    to = os.path.join(prefix, "conf.d")
    done = subprocess.run(["cmake", "-Dfrom=" + os.path.join(ROOT, "conf.d"), "-Dto=" + to, "-Dbefore=" + before, "-P", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return to


def read(*path):
    with open(os.path.join(*path)) as file:
        return file.read()


def test_an_edited_fragment_stays_and_a_removed_one_does_not_come_back(tmp_path):
    to, shipped = install(str(tmp_path)), sorted(os.listdir(os.path.join(ROOT, "conf.d")))
    assert sorted(os.listdir(to)) == shipped
    with open(os.path.join(to, "60-routing.conf"), "w") as file:
        file.write("# mine\n")
    os.unlink(os.path.join(to, "70-quota.conf"))
    install(str(tmp_path))
    assert read(to, "60-routing.conf") == "# mine\n"
    assert read(to, "60-routing.conf.new") == read(ROOT, "conf.d", "60-routing.conf")
    assert sorted(os.listdir(to)) == sorted(set(shipped) - {"70-quota.conf"} | {"60-routing.conf.new", "70-quota.conf.new"})
    with open(os.path.join(to, "60-routing.conf"), "w") as file:
        file.write(read(ROOT, "conf.d", "60-routing.conf"))
    install(str(tmp_path))
    assert not os.path.exists(os.path.join(to, "60-routing.conf.new"))


def test_what_is_shipped_as_before_says_nothing_new(tmp_path):
    to, known = install(str(tmp_path)), tmp_path / "known"
    shutil.copytree(os.path.join(ROOT, "conf.d"), known)
    for name in ("60-routing.conf", "70-quota.conf"):
        with open(os.path.join(to, name), "w") as file:
            file.write("# mine\n")
    (known / "70-quota.conf").write_text("# of another version\n")
    install(str(tmp_path), str(known))
    assert [name for name in os.listdir(to) if name.endswith(".new")] == ["70-quota.conf.new"]


def test_the_install_of_the_build_uses_it():
    lines = read(BUILD, "gateway", "cmake_install.cmake")
    assert "install_fragments.cmake" in lines
    # what was shipped before is replaced after it was compared
    assert lines.index("install_fragments.cmake") < lines.index('/conf.d"', lines.index("install_fragments.cmake"))


def test_a_shell_completes_verbs_and_their_words():
    script = """gatewayctl() { command "$CTL" --config "$CONF" "$@"; }
        . "$COMPLETION"
        try() { COMP_WORDS=(gatewayctl "$@"); COMP_CWORD=$#; _gatewayctl; echo "${COMPREPLY[*]}"; }
        try qu; try queue re; try queue list --re; try suppression a; try nonsense ''"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env={
        **os.environ, "CTL": built("bin", "gatewayctl"), "CONF": os.path.join(ROOT, "conf.d"), "COMPLETION": os.path.join(ROOT, "gateway/dist/gatewayctl.bash")})
    assert done.stdout.splitlines() == ["queue quota", "release retry", "--reason --relay", "add", ""], done
