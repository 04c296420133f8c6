# What Debian asks of files in a package, done to the installed ones before CPack packs them: compressed manual pages and
# changelogs, and static libraries without local symbols.
find_program(gzip gzip REQUIRED)
find_program(strip strip REQUIRED)
file(GLOB_RECURSE texts ${CPACK_TEMPORARY_DIRECTORY}/kantor.1 ${CPACK_TEMPORARY_DIRECTORY}/changelog)
foreach(file ${texts})
  execute_process(COMMAND ${gzip} -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)  # n: without the time, for equal packages
endforeach()
file(GLOB_RECURSE archives ${CPACK_TEMPORARY_DIRECTORY}/*.a)
foreach(file ${archives})
  execute_process(COMMAND ${strip} --strip-debug --enable-deterministic-archives --remove-section=.comment ${file}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
if(DEFINED ENV{SOURCE_DATE_EPOCH})  # the files' time too, so that one commit makes one package
  execute_process(COMMAND find ${CPACK_TEMPORARY_DIRECTORY} -exec touch -h -d @$ENV{SOURCE_DATE_EPOCH} {} +
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
