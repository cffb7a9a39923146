pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0)
find_package(ZLIB REQUIRED)
target_link_libraries(module_tlsrpt PRIVATE PkgConfig::CRYPTO PkgConfig::GLIB ZLIB::ZLIB)
