using System.Reflection;
using Xunit.v3;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>Ends what stages of a test have counted with the test: counts outlive stages, and the next test is to collect its own.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class EndsMetersAttribute : BeforeAfterTestAttribute
{
    public override void After(MethodInfo methodUnderTest, IXunitTest test) => OwnStage.EndMeters();
}
