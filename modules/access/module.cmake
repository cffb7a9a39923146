pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0)
target_link_libraries(module_access PRIVATE PkgConfig::GLIB)
