"""cmake --install over a configuration that somebody edited."""
import os
import subprocess

from lib.gateway import BUILD, ROOT


def install(prefix):
    script = os.path.join(ROOT, "gateway", "dist", "install_fragments.cmake")
    to = os.path.join(prefix, "conf.d")
    done = subprocess.run(["cmake", "-Dfrom=" + os.path.join(ROOT, "conf.d"), "-Dto=" + to, "-P", script], capture_output=True, text=True)
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


def test_the_install_of_the_build_uses_it():
    assert "install_fragments.cmake" in read(BUILD, "gateway", "cmake_install.cmake")
