import java.nio.file.Path;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** One Elasticsearch node on loopback: HOME (holds modules/), DATA (data and logs), HTTP port. Ends with its input. */
public final class Launcher {
    public static void main(String[] args) throws Exception {
        LogConfigurator.configureESLogging();
        var settings = Settings.builder()
            .put("path.home", args[0]).put("path.data", args[1] + "/data").put("path.logs", args[1] + "/logs")
            .put("discovery.type", "single-node").put("network.host", "127.0.0.1")
            .put("http.port", args[2]).put("transport.port", 0)
            .put("cluster.routing.allocation.disk.threshold_enabled", false).build();
        var environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "watchgate");
        var modules = PluginsLoader.loadModulesBundles(Path.of(args[0], "modules"));
        var plugins = PluginsLoader.loadPluginsBundles(Path.of(args[0], "plugins"));
        try (var node = new Node(environment, PluginsLoader.createPluginsLoader(modules, plugins, Map.of()))) {
            node.start();
            while (System.in.read() >= 0) { }
        }
    }
}
